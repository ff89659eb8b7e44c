//! Goroutines that never give up their P by themselves: they are stopped, others run, and they go on as if nothing
//! had been.
//!
//! What a program shows only as a whole (its number of threads, handlers from before the runtime, switching preemption
//! off) is in `preemption_programs.rs`.

use csp::{JoinHandle, WaitGroup, channel, go};
use csp_tests::{LIMIT, PROCS, Rng, settle, until, with_procs, within};
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::hint::{black_box, spin_loop};
use std::io::{ErrorKind, LineWriter, Read, Write};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than a slice of time, so that who computes for so long is stopped if others wait.
const LONG: Duration = Duration::from_millis(35);

/// Computes until `stop`, without a call of the runtime.
fn hog(stop: &AtomicBool) -> u64 {
    let mut spins = 0u64;
    while !stop.load(Ordering::Relaxed) {
        spins += 1;
    }
    spins
}

/// Computes for a while, without a call of the runtime.
fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        spin_loop();
    }
}

/// Starts `count` hogs that end on `stop`.
fn hogs(count: usize, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<u64>> {
    (0..count)
        .map(|_| go!(clone(stop) => { hog(&stop) }))
        .collect()
}

/// Runs `body` on a goroutine with more hogs beside it than there are Ps, all of which have begun. (A hog that began
/// later might do so on the thread that the goroutine was on last; should something on its stack belong to that thread, it
/// would wait for the end of that hog.)
fn beside_hogs<T: Send + 'static>(procs: usize, body: impl FnOnce() -> T + Send + 'static) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicUsize::new(0));
    let hogs: Vec<_> = (0..=procs)
        .map(|_| {
            go!(clone(stop, begun) => {
                begun.fetch_add(1, Ordering::Relaxed);
                hog(&stop)
            })
        })
        .collect();
    until(|| begun.load(Ordering::Relaxed) > procs);
    let result = go!({ body() }).join();
    stop.store(true, Ordering::Relaxed);
    for hog in hogs {
        hog.join().unwrap();
    }
    result.unwrap_or_else(|payload| resume_unwind(payload))
}

#[test]
fn a_goroutine_that_never_yields_does_not_stop_the_others() {
    with_procs(PROCS, |n| {
        within(LIMIT, || beside_hogs(n, || ()));
    });
}

#[csp::test]
fn a_test_function_is_preempted_too() {
    // More than there ever are Ps, whatever the tests beside this one set.
    let stop = Arc::new(AtomicBool::new(false));
    let others = hogs(5, &stop);
    go!(clone(stop) => stop.store(true, Ordering::Relaxed));
    hog(&stop);
    others.into_iter().for_each(|other| {
        other.join().unwrap();
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
                            spin_loop();
                        }
                    })
                })
                .collect();
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        });
    });
}

#[test]
fn two_hogs_get_about_the_same_share_of_one_p() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let share = || {
                let stop = Arc::new(AtomicBool::new(false));
                let hogs = hogs(2, &stop);
                go!(csp::time::sleep(Duration::from_millis(800)))
                    .join()
                    .unwrap();
                stop.store(true, Ordering::Relaxed);
                let spins: Vec<_> = hogs.into_iter().map(|hog| hog.join().unwrap()).collect();
                let share = spins[0] as f64 / spins.iter().sum::<u64>() as f64;
                println!("{spins:?}: the first has {:.1} %", 100.0 * share);
                share
            };
            // What else runs on the machine takes its part of one slice or the other; 80 slices even that out, unless
            // it holds up for most of them the thread that ends slices.
            let fair = (0..5).any(|_| (0.2..=0.8).contains(&share()));
            assert!(fair, "one hog had most of the P in each of five tries");
        });
    });
}

#[test]
fn sleepers_wake_beside_hogs() {
    with_procs(PROCS, |n| {
        within(LIMIT, || {
            beside_hogs(n, || {
                for _ in 0..20 {
                    csp::time::sleep(Duration::from_millis(1));
                }
            });
        });
    });
}

#[test]
fn channels_and_spawns_work_beside_hogs() {
    with_procs(PROCS, |n| {
        within(LIMIT, || {
            let sum = beside_hogs(n, || {
                let (tx, rx) = channel(0);
                for i in 0..20u64 {
                    go!(clone(tx) => tx.send(i).unwrap());
                }
                drop(tx);
                rx.iter().sum::<u64>()
            });
            assert_eq!(sum, 190);
        });
    });
}

#[test]
fn a_plain_thread_is_served_beside_hogs() {
    with_procs(PROCS, |n| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let hogs = hogs(n + 1, &stop);
            settle();
            let (tx, rx) = channel(0);
            go!(tx.send(7).unwrap());
            assert_eq!(rx.recv(), Some(7));
            stop.store(true, Ordering::Relaxed);
            hogs.into_iter().for_each(|hog| {
                hog.join().unwrap();
            });
        });
    });
}

/// Integer, floating-point and heap work whose result depends on every step.
fn numbers(seed: u64, steps: u64) -> (u64, [u64; 4], String) {
    let (mut whole, mut text) = (seed, String::new());
    // Four sums at once: the compiler keeps them in vector registers.
    let mut real = [0.0, 0.25, 0.5, 0.75].map(|part| seed as f64 + part);
    for i in 0..steps {
        whole = whole
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(i);
        for sum in &mut real {
            *sum = (*sum + (i % 7) as f64).sqrt();
        }
        if i % 64 == 0 {
            text = format!("{whole}");
        }
    }
    (whole, real.map(f64::to_bits), text)
}

#[test]
fn a_preempted_goroutine_keeps_its_numbers() {
    const STEPS: u64 = 400_000;
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let expected: Vec<_> = (1..=6).map(|seed| numbers(seed, STEPS)).collect();
            let handles: Vec<_> = (1..=6).map(|seed| go!(numbers(seed, STEPS))).collect();
            for (handle, expected) in handles.into_iter().zip(expected) {
                assert_eq!(handle.join().unwrap(), expected);
            }
        });
    });
}

/// What one of those does that use everything a preempted goroutine may hold: the allocator, std's locks, a file.
fn churn(
    seed: u64,
    stop: &AtomicBool,
    shared: &Mutex<Vec<u64>>,
    out: &Mutex<LineWriter<File>>,
) -> u64 {
    let mut rng = Rng::new(seed);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut rounds = 0;
    // One round at least, however late it is let in.
    while rounds == 0 || !stop.load(Ordering::Relaxed) {
        let size = 1 << rng.below(15);
        kept.push(vec![seed as u8; size]);
        if kept.len() > 16 {
            let old = kept.swap_remove(rng.below(16) as usize);
            assert!(old.iter().all(|&byte| byte == seed as u8));
        }
        let text = format!("{seed}: {rounds} rounds, {size} bytes");
        writeln!(out.lock().unwrap(), "{text}").unwrap();
        shared.lock().unwrap()[seed as usize] += 1;
        rounds += 1;
    }
    rounds
}

#[test]
fn malloc_print_and_lock_in_tight_loops_never_deadlock() {
    const GOROUTINES: usize = 12;
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let shared = Arc::new(Mutex::new(vec![0; GOROUTINES]));
            let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
            let out = Arc::new(Mutex::new(LineWriter::new(null)));
            let handles: Vec<_> = (0..GOROUTINES)
                .map(|me| {
                    go!(clone(stop, shared, out) => { churn(me as u64, &stop, &shared, &out) })
                })
                .collect();
            go!(csp::time::sleep(Duration::from_secs(2)))
                .join()
                .unwrap();
            stop.store(true, Ordering::Relaxed);
            let rounds: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
            assert!(rounds.iter().all(|&rounds| rounds > 0), "{rounds:?}");
            assert_eq!(*shared.lock().unwrap(), rounds);
        });
    });
}

#[test]
fn a_hog_inside_a_std_mutex_is_waited_for() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let shared = Arc::new(Mutex::new(0u64));
            let wg = WaitGroup::new();
            for _ in 0..8 {
                go!(in wg, clone(shared) => {
                    let mut count = shared.lock().unwrap();
                    let before = *count;
                    busy(LONG);
                    *count = before + 1;
                });
            }
            wg.wait();
            assert_eq!(*shared.lock().unwrap(), 8);
        });
    });
}

thread_local! {
    static BORROWED: RefCell<u64> = const { RefCell::new(0) };
}

#[test]
fn a_borrow_of_a_thread_local_is_not_met_by_others() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let wg = WaitGroup::new();
            let served = Arc::new(AtomicUsize::new(0));
            for _ in 0..8 {
                go!(in wg, clone(served) => {
                    BORROWED.with(|value| {
                        // Stopped in here it keeps its thread: the others run on threads with values of their own.
                        let mut value = value.borrow_mut();
                        let before = *value;
                        busy(LONG);
                        assert_eq!(*value, before);
                        *value += 1;
                    });
                    served.fetch_add(1, Ordering::Relaxed);
                });
            }
            wg.wait();
            assert_eq!(served.load(Ordering::Relaxed), 8, "a goroutine panicked");
        });
    });
}

#[test]
fn errno_is_that_of_the_last_call() {
    with_procs(PROCS, |n| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let callers: Vec<_> = (0..4)
                .map(|me| {
                    go!(clone(stop) => {
                        let mut directory = File::open("/").unwrap();
                        let mut calls = 0u64;
                        // One at least, however late it is let in.
                        while calls == 0 || !stop.load(Ordering::Relaxed) {
                            let kind = if me % 2 == 0 {
                                File::open("/nonexistent").unwrap_err().kind()
                            } else {
                                directory.read(&mut [0; 8]).unwrap_err().kind()
                            };
                            let expected = [ErrorKind::NotFound, ErrorKind::IsADirectory];
                            assert_eq!(kind, expected[me % 2]);
                            calls += 1;
                        }
                        calls
                    })
                })
                .collect();
            beside_hogs(n, || csp::time::sleep(Duration::from_millis(300)));
            stop.store(true, Ordering::Relaxed);
            for caller in callers {
                assert!(caller.join().unwrap() > 0);
            }
        });
    });
}

/// Goes down the stack until `depth` bytes are used since `top`, then computes, then checks every frame on the way up.
fn descend(top: usize, depth: usize) -> u64 {
    let frame = black_box([top as u64; 16]);
    let here = std::ptr::from_ref(&frame).addr();
    let below = if top - here < depth {
        descend(top, depth)
    } else {
        busy(LONG);
        0
    };
    assert_eq!(frame, [top as u64; 16]);
    below + 1
}

#[test]
fn a_hog_may_be_stopped_near_the_end_of_its_stack() {
    const SIZE: usize = 256 << 10;
    /// The guard, 32 KiB, and what the clock and the last frames need without optimisation.
    const LEFT: usize = (32 + 8) << 10;
    with_procs(PROCS, |n| {
        within(LIMIT, || {
            let handles: Vec<_> = (0..n + 3)
                .map(|_| {
                    go!(stack(SIZE) => {
                        let top = 0u64;
                        descend(std::ptr::from_ref(&top).addr(), SIZE - LEFT)
                    })
                })
                .collect();
            for handle in handles {
                assert!(handle.join().unwrap() > 100);
            }
        });
    });
}

/// Computes while it is dropped, so that an unwinding goroutine is stopped in the middle.
struct SlowDrop<'a>(&'a AtomicU64);

impl Drop for SlowDrop<'_> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        busy(LONG);
        assert!(thread::panicking());
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn panics_and_preemption_do_not_meet() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let dropped = Arc::new(AtomicU64::new(0));
            // These unwind all the time; `resume_unwind` leaves the panic hook out.
            let unwinding: Vec<_> = (0..3u64)
                .map(|me| {
                    go!(clone(stop) => {
                        let mut count = 0u64;
                        // One round at least, however late it is let in.
                        while count == 0 || !stop.load(Ordering::Relaxed) {
                            let caught = catch_unwind(|| resume_unwind(Box::new((me, count))));
                            let payload = caught.map(|(): ()| ()).unwrap_err();
                            assert_eq!(*payload.downcast::<(u64, u64)>().unwrap(), (me, count));
                            assert!(!thread::panicking());
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            // These never unwind, and say so wherever they run.
            let calm: Vec<_> = (0..2)
                .map(|_| {
                    go!(clone(stop) => {
                        while !stop.load(Ordering::Relaxed) {
                            assert!(!thread::panicking());
                        }
                    })
                })
                .collect();
            let slow: Vec<_> = (0..3u64)
                .map(|me| {
                    go!(clone(dropped) => {
                        let _slow = SlowDrop(&dropped);
                        resume_unwind(Box::new(me));
                    })
                })
                .collect();
            for (me, handle) in slow.into_iter().enumerate() {
                let payload = handle.join().map(|(): ()| ()).unwrap_err();
                assert_eq!(*payload.downcast::<u64>().unwrap(), me as u64);
            }
            assert_eq!(dropped.load(Ordering::Relaxed), 3);
            stop.store(true, Ordering::Relaxed);
            assert!(unwinding.into_iter().all(|h| h.join().unwrap() > 0));
            calm.into_iter().for_each(|h| h.join().unwrap());
        });
    });
}

#[test]
fn a_hog_with_many_short_calls_of_the_runtime_is_stopped_too() {
    with_procs(PROCS, |n| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let callers: Vec<_> = (0..n + 1)
                .map(|_| {
                    go!(clone(stop) => {
                        let (tx, rx) = channel(1);
                        while !stop.load(Ordering::Relaxed) {
                            // Never waits: there is always room, and always a value.
                            tx.send(1).unwrap();
                            assert_eq!(rx.try_recv(), Ok(1));
                        }
                    })
                })
                .collect();
            settle();
            go!(clone(stop) => stop.store(true, Ordering::Relaxed))
                .join()
                .unwrap();
            callers.into_iter().for_each(|h| h.join().unwrap());
        });
    });
}

#[test]
fn the_number_of_ps_changes_under_hogs() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let hogs = hogs(5, &stop);
            for n in [1, 4, 2, 1, 3, 1] {
                csp::runtime::gomaxprocs(Some(n));
                go!(csp::time::sleep(Duration::from_millis(5)))
                    .join()
                    .unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            hogs.into_iter().for_each(|hog| {
                hog.join().unwrap();
            });
        });
    });
}
