//! Goroutines that do not give up their P by themselves: those that compute, and those in a call nobody marked.

use csp::{channel, go};
use csp_tests::{LIMIT, settle, with_procs, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn blocking_calls_nobody_marked_are_noticed() {
    with_procs(&[1, 2], |n| {
        within(LIMIT, || {
            let (txs, rxs): (Vec<_>, Vec<_>) =
                (0..n + 1).map(|_| std::sync::mpsc::channel::<u8>()).unzip();
            let blocked: Vec<_> = rxs
                .into_iter()
                .map(|rx| go!({ rx.recv().unwrap() }))
                .collect();
            settle();
            // Every P may be held by a blocked call when this one starts.
            go!({ txs.iter().for_each(|tx| tx.send(7).unwrap()) })
                .join()
                .unwrap();
            assert!(
                blocked
                    .into_iter()
                    .all(|handle| handle.join().unwrap() == 7)
            );
        });
    });
}

#[test]
fn a_goroutine_that_never_yields_does_not_stop_the_others() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let hog = go!(clone(stop) => {
                let mut spins = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    spins += 1;
                }
                spins
            });
            settle();
            let other = go!(clone(stop) => stop.store(true, Ordering::Relaxed));
            other.join().unwrap();
            hog.join().unwrap();
        });
    });
}

#[test]
fn hogs_share_one_p() {
    const HOGS: usize = 3;
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let seen: Arc<[AtomicBool; HOGS]> = Arc::default();
            let hogs: Vec<_> = (0..HOGS)
                .map(|me| {
                    let seen = Arc::clone(&seen);
                    // None ends before all have run.
                    go!({
                        seen[me].store(true, Ordering::SeqCst);
                        while !seen.iter().all(|one| one.load(Ordering::SeqCst)) {
                            std::hint::spin_loop();
                        }
                    })
                })
                .collect();
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        });
    });
}

#[test]
fn sleepers_wake_beside_hogs() {
    with_procs(&[1, 2], |n| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let hogs: Vec<_> = (0..n + 1)
                .map(|_| {
                    go!(clone(stop) => {
                        while !stop.load(Ordering::Relaxed) {
                            std::hint::spin_loop();
                        }
                    })
                })
                .collect();
            let sleeper = go!({
                for _ in 0..3 {
                    csp::time::sleep(Duration::from_millis(1));
                }
            });
            sleeper.join().unwrap();
            stop.store(true, Ordering::Relaxed);
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        });
    });
}

#[test]
fn a_preempted_goroutine_keeps_its_numbers() {
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let (tx, rx) = channel(0);
            for seed in 1..=4u64 {
                let tx = tx.clone();
                go!({
                    let (mut whole, mut real, mut text) = (seed, seed as f64, String::new());
                    for i in 0..300_000u64 {
                        whole = whole
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(i);
                        real = (real + (i % 7) as f64).sqrt();
                        if i % 64 == 0 {
                            text = format!("{whole}");
                        }
                    }
                    tx.send((seed, whole, real.to_bits(), text)).unwrap();
                });
            }
            drop(tx);
            for (seed, whole, real, text) in &rx {
                let (mut same, mut same_real, mut same_text) = (seed, seed as f64, String::new());
                for i in 0..300_000u64 {
                    same = same.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i);
                    same_real = (same_real + (i % 7) as f64).sqrt();
                    if i % 64 == 0 {
                        same_text = format!("{same}");
                    }
                }
                assert_eq!((whole, real, text), (same, same_real.to_bits(), same_text));
            }
        });
    });
}
