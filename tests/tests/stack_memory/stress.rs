//! Goroutines that go deep, park, and are woken at the moment at which their pages are given back.
//!
//! Each frame holds words that are checked on the way up. Some end by a panic from the depth, with destructors that wait; some
//! waits end by a timeout, whose timer stays behind; dumps are made all the while. `CSP_STRESS_SECONDS` makes it longer.

use crate::probe::{counts, deep_with};
use csp::{JoinHandle, Receiver, Sender, channel, go};
use csp_tests::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many goroutines go up and down at a time.
const CROWD: u64 = 40;

fn seconds() -> f64 {
    std::env::var("CSP_STRESS_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(0.4)
}

/// After what time the stress hangs.
pub(crate) fn limit() -> Duration {
    csp_tests::LIMIT + Duration::from_secs_f64(seconds())
}

/// Waits while it is dropped.
struct Waits(u64);

impl Drop for Waits {
    fn drop(&mut self) {
        csp::time::sleep(Duration::from_micros(self.0));
    }
}

/// One way of waiting for some milliseconds at most.
fn park(rng: &mut Rng, wakes: &Receiver<u64>) {
    match rng.below(5) {
        0 => csp::time::sleep(Duration::from_micros(rng.below(6000))),
        1 => {
            let _ = wakes.recv_timeout(Duration::from_micros(rng.below(6000)));
        }
        2 => csp::yield_now(),
        _ => {
            let _ = wakes.recv();
        }
    }
}

/// A goroutine's life: down, a wait, up, a wait, and again.
fn live(seed: u64, wakes: &Receiver<u64>) {
    let mut rng = Rng::new(seed);
    for round in 0..rng.below(6) + 1 {
        let depth = rng.below(180 << 10) as usize;
        let panics = rng.below(8) == 0;
        let mut moves = Rng::new(seed ^ round);
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _waits = Waits(seed % 3000);
            deep_with(depth, seed, &mut || {
                park(&mut moves, wakes);
                if panics {
                    std::panic::resume_unwind(Box::new(seed));
                }
            })
        }));
        assert_eq!(end.is_err(), panics);
        park(&mut rng, wakes);
    }
}

fn start(seed: u64, wakes: &Receiver<u64>) -> JoinHandle<()> {
    let wakes = wakes.clone();
    go!({ live(seed, &wakes) })
}

/// The stress, for a while.
pub(crate) fn run() {
    let over = Arc::new(AtomicBool::new(false));
    let (tx, rx): (Sender<u64>, Receiver<u64>) = channel(0);
    let wakers: Vec<_> = (0..3_u64)
        .map(|n| {
            let (tx, over) = (tx.clone(), over.clone());
            go!({
                let mut rng = Rng::new(n + 77);
                while !over.load(Ordering::Relaxed) {
                    let _ = tx.send_timeout(n, Duration::from_millis(5));
                    if rng.below(4) == 0 {
                        csp::time::sleep(Duration::from_micros(rng.below(2500)));
                    }
                }
            })
        })
        .collect();
    let dumper = {
        let over = over.clone();
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                csp::runtime::dump(std::io::sink()).expect("a sink takes all");
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let mut seed = 1;
    let begun = Instant::now();
    let mut crowd: Vec<_> = (0..CROWD).map(|n| start(n, &rx)).collect();
    while begun.elapsed().as_secs_f64() < seconds() {
        // Bursts, so that there is surplus now and then.
        std::thread::sleep(Duration::from_millis(seed % 7));
        for handle in &mut crowd {
            if handle.is_finished() {
                seed += 1;
                let next = start(seed.wrapping_mul(0x9e37_79b9), &rx);
                std::mem::replace(handle, next)
                    .join()
                    .expect("no frame changed");
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    for waker in wakers {
        waker.join().expect("wakers do not fail");
    }
    drop(tx);
    for handle in crowd {
        handle.join().expect("no frame changed");
    }
    dumper.join().expect("dumps do not fail");
    let (given, trimmed) = counts();
    println!("{seed} goroutines, {given} stacks given back, {trimmed} trimmed");
}
