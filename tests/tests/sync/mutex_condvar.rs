//! Mutex and Condvar: exclusion on plain data, barging and order, timeouts, unwinding, and what a report says.

use csp::sync::{Arc, Condvar, Mutex};
use csp::{WaitGroup, go, yield_now};
use csp_tests::{Peer, Rng, entries, everywhere, settle, until, with_procs, within};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Far longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn holders_exclude_each_other() {
    everywhere(|peers| {
        let value = Arc::new(Mutex::new((0_u64, 0_u64)));
        let counters: Vec<_> = (0..8)
            .map(|_| {
                let value = value.clone();
                peers.spawn(move || {
                    for round in 0..2_000 {
                        let mut value = value.lock();
                        let (a, b) = *value;
                        assert_eq!(a, b);
                        value.0 = a + 1;
                        if round % 100 == 0 {
                            yield_now();
                        }
                        value.1 = b + 1;
                    }
                })
            })
            .collect();
        counters.into_iter().for_each(Peer::join);
        assert_eq!(*value.lock(), (16_000, 16_000));
    });
}

#[test]
fn a_locked_mutex_is_refused_to_try_lock() {
    let mutex = Mutex::new(1);
    let guard = mutex.try_lock().expect("it is free");
    assert!(mutex.try_lock().is_none());
    drop(guard);
    assert_eq!(*mutex.try_lock().expect("it is free again"), 1);
}

#[test]
fn a_panic_unlocks_and_leaves_the_value() {
    everywhere(|_| {
        let mutex = Mutex::new(1);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut value = mutex.lock();
            *value = 2;
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(outcome.is_err());
        assert_eq!(*mutex.lock(), 2, "no poisoning");
    });
}

/// Locks when it is dropped.
struct LocksInDrop(Arc<Mutex<u32>>, Arc<Condvar>);

impl Drop for LocksInDrop {
    fn drop(&mut self) {
        let mut value = self.1.wait_while(self.0.lock(), |value| *value == 0);
        *value += 1;
    }
}

#[test]
fn both_can_be_waited_for_while_unwinding() {
    everywhere(|peers| {
        let (mutex, changed) = (Arc::new(Mutex::new(0)), Arc::new(Condvar::new()));
        let waits = LocksInDrop(mutex.clone(), changed.clone());
        let unwinds = peers.spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(move || {
                let _waits = waits;
                std::panic::resume_unwind(Box::new(()));
            }));
            assert!(outcome.is_err());
            assert!(!std::thread::panicking());
        });
        settle();
        *mutex.lock() = 1;
        changed.notify_all();
        unwinds.join();
        assert_eq!(*mutex.lock(), 2);
    });
}

#[test]
fn lock_timeout_gives_up_and_leaves_the_mutex_usable() {
    everywhere(|peers| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let start = Instant::now();
        assert!(mutex.lock_timeout(Duration::ZERO).is_none());
        assert!(mutex.lock_timeout(Duration::from_millis(2)).is_none());
        assert!(start.elapsed() >= Duration::from_millis(2));
        let other = mutex.clone();
        let waiter = peers.spawn(move || *other.lock_timeout(LONG).expect("it will be free") += 1);
        settle();
        drop(guard);
        waiter.join();
        assert_eq!(*mutex.lock_timeout(Duration::MAX).expect("it is free"), 1);
    });
}

#[test]
fn timeouts_among_waiters_lose_nobody() {
    everywhere(|peers| {
        let mutex = Arc::new(Mutex::new(0_u32));
        let workers: Vec<_> = (0..8)
            .map(|seed| {
                let mutex = mutex.clone();
                peers.spawn(move || {
                    let mut rng = Rng::new(seed);
                    let mut locked = 0;
                    for _ in 0..500 {
                        let guard = match rng.below(4) {
                            0 => Some(mutex.lock()),
                            1 => mutex.try_lock(),
                            2 => mutex.lock_timeout(Duration::ZERO),
                            _ => mutex.lock_timeout(Duration::from_micros(20)),
                        };
                        if let Some(mut guard) = guard {
                            let before = *guard;
                            if rng.below(8) == 0 {
                                yield_now();
                            }
                            *guard = before + 1;
                            locked += 1;
                        }
                    }
                    locked
                })
            })
            .collect();
        let locked: u32 = workers.into_iter().map(Peer::join).sum();
        assert_eq!(*mutex.lock(), locked);
    });
}

/// A goroutine that locks again at once would otherwise keep the mutex for ever.
#[test]
fn a_waiter_gets_a_mutex_that_is_taken_again_at_once() {
    with_procs(&[1, 2, 4], |_| {
        within(csp_tests::LIMIT, || {
            let mutex = Arc::new(Mutex::new(false));
            let greedy = go!(clone(mutex) => {
                let mut rounds = 0_u64;
                while !*mutex.lock() {
                    rounds += 1;
                }
                rounds
            });
            *mutex.lock() = true;
            greedy.join().expect("no panic");
        });
    });
}

/// How many goroutines wait for a mutex.
fn waiting() -> usize {
    let mut list = Vec::new();
    csp::runtime::dump(&mut list).expect("a vector takes it");
    let list = entries(&String::from_utf8(list).expect("it is text"));
    list.iter()
        .filter(|entry| entry.state == "sync.Mutex.Lock")
        .count()
}

#[test]
fn waiters_are_served_in_order() {
    with_procs(&[1, 2, 4], |_| {
        within(csp_tests::LIMIT, || {
            let mutex = Arc::new(Mutex::new(Vec::new()));
            let guard = mutex.lock();
            let wg = WaitGroup::new();
            let before = waiting();
            for n in 0..5 {
                go!(in wg, clone(mutex) => mutex.lock().push(n));
                until(|| waiting() == before + n + 1);
            }
            drop(guard);
            wg.wait();
            assert_eq!(*mutex.lock(), [0, 1, 2, 3, 4]);
        });
    });
}

#[test]
fn a_mutex_works_in_a_static_and_for_unsized_values() {
    static COUNT: Mutex<u32> = Mutex::new(0);
    *COUNT.lock() += 1;
    assert_eq!(*COUNT.lock(), 1);
    let sized: Box<Mutex<[u32; 3]>> = Box::new(Mutex::new([1, 2, 3]));
    let slice: Box<Mutex<[u32]>> = sized;
    assert_eq!(slice.lock().len(), 3);
    assert_eq!(Mutex::from(5).into_inner(), 5);
    let mut mutex = Mutex::<String>::default();
    mutex.get_mut().push('x');
    assert_eq!(format!("{mutex:?}"), "Mutex { data: \"x\", .. }");
    let guard = mutex.lock();
    assert_eq!(
        format!("{guard} {guard:?} {mutex:?}"),
        "x \"x\" Mutex { data: <locked>, .. }"
    );
    assert_eq!(format!("{:?}", Condvar::new()), "Condvar { .. }");
}

#[test]
fn a_notification_wakes_the_one_who_waited_longest() {
    everywhere(|peers| {
        let shared = Arc::new((Mutex::new((0, Vec::new())), Condvar::new()));
        let waiters: Vec<_> = (0..4)
            .map(|n| {
                let other = shared.clone();
                let waiter = peers.spawn(move || {
                    let mut state = other.0.lock();
                    state.0 += 1;
                    state = other.1.wait(state);
                    state.1.push(n);
                });
                // It holds the mutex until it is in the list.
                until(|| shared.0.lock().0 == n + 1);
                waiter
            })
            .collect();
        for n in 0..4 {
            shared.1.notify_one();
            until(|| shared.0.lock().1.len() == n + 1);
        }
        waiters.into_iter().for_each(Peer::join);
        assert_eq!(shared.0.lock().1, [0, 1, 2, 3]);
    });
}

#[test]
fn a_notification_without_waiters_is_not_kept() {
    everywhere(|_| {
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        changed.notify_one();
        changed.notify_all();
        let (_guard, result) = changed.wait_timeout(mutex.lock(), Duration::from_millis(1));
        assert!(result.timed_out());
    });
}

#[test]
fn notify_all_wakes_everybody_once() {
    everywhere(|peers| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let woken = Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let (shared, woken) = (shared.clone(), woken.clone());
                peers.spawn(move || {
                    let mut waiting = shared.0.lock();
                    *waiting += 1;
                    drop(shared.1.wait(waiting));
                    woken.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        until(|| *shared.0.lock() == 20);
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        shared.1.notify_all();
        waiters.into_iter().for_each(Peer::join);
        assert_eq!(woken.load(Ordering::Relaxed), 20);
    });
}

#[test]
fn timed_waits_end_by_the_first_of_both() {
    everywhere(|peers| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let (ready, result) =
            shared
                .1
                .wait_timeout_while(shared.0.lock(), Duration::from_millis(2), |ready| !*ready);
        assert!(!*ready && result.timed_out());
        drop(ready);
        let other = shared.clone();
        let waiter = peers.spawn(move || {
            let (ready, result) = other
                .1
                .wait_timeout_while(other.0.lock(), LONG, |ready| !*ready);
            *ready && !result.timed_out()
        });
        settle();
        *shared.0.lock() = true;
        shared.1.notify_one();
        assert!(waiter.join());
    });
}

/// A bounded queue of two condition variables: every item arrives once, whatever times out in between.
#[test]
fn a_bounded_queue_loses_nothing() {
    struct Queue {
        items: Mutex<Vec<u32>>,
        filled: Condvar,
        emptied: Condvar,
    }
    const EACH: u32 = 300;
    everywhere(|peers| {
        let queue = Arc::new(Queue {
            items: Mutex::new(Vec::new()),
            filled: Condvar::new(),
            emptied: Condvar::new(),
        });
        let producers: Vec<_> = (0..4)
            .map(|n| {
                let queue = queue.clone();
                peers.spawn(move || {
                    for item in n * EACH..(n + 1) * EACH {
                        let mut items = queue
                            .emptied
                            .wait_while(queue.items.lock(), |items| items.len() >= 3);
                        items.push(item);
                        drop(items);
                        queue.filled.notify_one();
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..4)
            .map(|n| {
                let queue = queue.clone();
                peers.spawn(move || {
                    let mut taken = Vec::new();
                    while taken.len() < EACH as usize {
                        let timeout = if n % 2 == 0 {
                            LONG
                        } else {
                            Duration::from_micros(30)
                        };
                        let (mut items, _) =
                            queue
                                .filled
                                .wait_timeout_while(queue.items.lock(), timeout, |items| {
                                    items.is_empty()
                                });
                        if let Some(item) = items.pop() {
                            taken.push(item);
                            drop(items);
                            queue.emptied.notify_one();
                        }
                    }
                    taken
                })
            })
            .collect();
        producers.into_iter().for_each(Peer::join);
        let mut all: Vec<_> = consumers.into_iter().flat_map(Peer::join).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..4 * EACH));
    });
}

#[test]
fn bounds_are_those_of_std() {
    fn both<T: Send + Sync>() {}
    fn shared<T: Sync>() {}
    both::<Mutex<Cell<u32>>>();
    both::<Condvar>();
    shared::<csp::sync::MutexGuard<'static, u32>>();
}
