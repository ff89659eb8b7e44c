//! Semaphore, Barrier and Pool: turns, rounds and objects.

use csp::go;
use csp::sync::atomic::{AtomicUsize, Ordering};
use csp::sync::{Arc, Barrier, OwnedSemaphorePermit, Pool, Semaphore};
use csp_tests::{
    Counted, LIMIT, Ledger, PROCS, Peer, Rng, everywhere, in_state, settle, until, with_procs,
    within,
};
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

const ACQUIRE: &str = "sync.Semaphore.Acquire";

#[test]
fn permits_are_taken_and_given_back() {
    everywhere(|_| {
        let semaphore = Semaphore::new(3);
        let two = semaphore.acquire(2);
        assert_eq!((two.count(), semaphore.available_permits()), (2, 1));
        assert!(semaphore.try_acquire(2).is_none());
        assert_eq!(
            semaphore.available_permits(),
            1,
            "a failed try takes nothing"
        );
        let one = semaphore.try_acquire(1).expect("one is left");
        assert!(semaphore.acquire_timeout(1, Duration::ZERO).is_none());
        assert!(
            semaphore
                .acquire_timeout(1, Duration::from_millis(2))
                .is_none()
        );
        drop((one, two));
        assert!(semaphore.acquire_timeout(3, Duration::MAX).is_some());
        assert_eq!(semaphore.available_permits(), 3);
    });
}

#[test]
fn no_permits_are_had_at_once() {
    everywhere(|peers| {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            peers.spawn(move || drop(semaphore.acquire(1)))
        };
        settle();
        drop(semaphore.acquire(0));
        assert!(semaphore.try_acquire(0).is_some());
        semaphore.add_permits(1);
        waiter.join();
    });
}

#[test]
fn a_large_request_is_not_overtaken() {
    everywhere(|peers| {
        let semaphore = Arc::new(Semaphore::new(3));
        let mut kept = semaphore.acquire(2);
        let order = Arc::new(Mutex::new(Vec::new()));
        let start = |n: usize| {
            let (semaphore, order) = (Arc::clone(&semaphore), Arc::clone(&order));
            peers.spawn(move || {
                let _permit = semaphore.acquire(n);
                order.lock().expect("not poisoned").push(n);
            })
        };
        let large = start(3);
        // One is free: that it is refused shows that the large request is in line.
        until(|| semaphore.try_acquire(1).is_none());
        let small = start(1);
        settle();
        assert!(
            semaphore
                .acquire_timeout(1, Duration::from_millis(1))
                .is_none()
        );
        drop(kept.split(1));
        settle();
        assert!(order.lock().expect("not poisoned").is_empty());
        drop(kept);
        large.join();
        small.join();
        assert_eq!(*order.lock().expect("not poisoned"), [3, 1]);
    });
}

#[test]
fn waiters_are_served_in_order() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let semaphore = Arc::new(Semaphore::new(0));
            let order = Arc::new(Mutex::new(Vec::new()));
            let waiters: Vec<_> = (0..6)
                .map(|i| {
                    let waiter = go!(clone(semaphore, order) => {
                        semaphore.acquire(1 + i % 3).forget();
                        order.lock().expect("not poisoned").push(i);
                    });
                    until(|| in_state(ACQUIRE) == i + 1);
                    waiter
                })
                .collect();
            for (i, waiter) in waiters.into_iter().enumerate() {
                semaphore.add_permits(1 + i % 3);
                waiter.join().expect("no panic");
            }
            assert_eq!(*order.lock().expect("not poisoned"), [0, 1, 2, 3, 4, 5]);
        });
    });
}

#[test]
fn a_head_that_times_out_lets_those_behind_go_on() {
    everywhere(|peers| {
        let semaphore = Arc::new(Semaphore::new(2));
        let kept = semaphore.acquire(1);
        let large = {
            let semaphore = Arc::clone(&semaphore);
            peers.spawn(move || {
                semaphore
                    .acquire_timeout(2, Duration::from_millis(5))
                    .is_none()
            })
        };
        let small: Vec<_> = (0..3)
            .map(|_| {
                let semaphore = Arc::clone(&semaphore);
                peers.spawn(move || drop(semaphore.acquire(1)))
            })
            .collect();
        // All while this one is kept.
        assert!(large.join());
        small.into_iter().for_each(Peer::join);
        drop(kept);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn owned_permits_move_into_goroutines() {
    everywhere(|_| {
        let semaphore = Arc::new(Semaphore::new(2));
        let permit: OwnedSemaphorePermit = semaphore.acquire_owned(1);
        let holder = go!({
            settle();
            permit.count()
        });
        assert!(semaphore.try_acquire_owned(3).is_none());
        assert!(semaphore.acquire_timeout_owned(2, Duration::MAX).is_some());
        assert_eq!(holder.join().expect("no panic"), 1);
        let last = semaphore.try_acquire_owned(2);
        drop(semaphore);
        drop(last);
    });
}

#[test]
fn permits_can_be_forgotten_split_and_merged() {
    with_procs(&[2], |_| {
        let (semaphore, other) = (Semaphore::new(5), Semaphore::new(5));
        let mut permit = semaphore.acquire(4);
        let mut part = permit.split(3).expect("there are four");
        assert!(permit.split(2).is_none());
        assert_eq!((permit.count(), part.count()), (1, 3));
        part.merge(permit);
        assert_eq!(semaphore.available_permits(), 1);
        let foreign = AssertUnwindSafe(|| part.merge(other.acquire(1)));
        assert!(catch_unwind(foreign).is_err());
        assert_eq!(other.available_permits(), 5);
        part.forget();
        assert_eq!(semaphore.available_permits(), 1);
        assert_eq!(
            format!("{semaphore:?}"),
            "Semaphore { available_permits: 1 }"
        );
    });
}

#[test]
fn too_many_permits_are_refused_before_anything_changes() {
    with_procs(&[2], |_| {
        let semaphore = Semaphore::new(usize::MAX - 1);
        let permit = semaphore.acquire(usize::MAX - 1);
        semaphore.add_permits(1);
        let payload = catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(1)))
            .expect_err("those that are out count");
        assert_eq!(
            payload.downcast_ref(),
            Some(&"too many permits in the semaphore")
        );
        drop(permit);
        assert_eq!(semaphore.available_permits(), usize::MAX);
        semaphore.acquire(1).forget();
        semaphore.add_permits(1);
    });
}

#[test]
fn permits_are_given_back_by_a_panic_and_taken_while_unwinding() {
    struct Takes<'a>(&'a Semaphore);
    impl Drop for Takes<'_> {
        fn drop(&mut self) {
            drop(self.0.acquire(2));
        }
    }
    everywhere(|peers| {
        let semaphore = Arc::new(Semaphore::new(2));
        let kept = semaphore.acquire(1);
        let fails = {
            let semaphore = Arc::clone(&semaphore);
            peers.spawn(move || {
                catch_unwind(AssertUnwindSafe(|| {
                    let _takes = Takes(&semaphore);
                    let _permit = semaphore.acquire(1);
                    panic!("on purpose");
                }))
                .is_err()
            })
        };
        settle();
        drop(kept);
        assert!(fails.join());
        assert_eq!(semaphore.available_permits(), 2);
    });
}

/// Plain data that a lock of the test's own guards.
struct Plain(UnsafeCell<u64>);

// SAFETY: the one permit of the semaphore beside it is held for each access.
#[expect(unsafe_code, reason = "plain data shows a broken lock")]
unsafe impl Sync for Plain {}

#[test]
fn a_storm_of_requests_keeps_plain_data_whole() {
    everywhere(|peers| {
        let shared = Arc::new((
            Semaphore::new(4),
            Plain(UnsafeCell::new(0)),
            AtomicUsize::new(0),
        ));
        let storm: Vec<_> = (0..6)
            .map(|seed| {
                let shared = Arc::clone(&shared);
                peers.spawn(move || {
                    let mut random = Rng::new(seed);
                    let mut changed = 0;
                    for _ in 0..200 {
                        let n = if random.one_in(3) {
                            4
                        } else {
                            1 + random.below(3) as usize
                        };
                        let permit = match random.below(4) {
                            0 => shared.0.try_acquire(n),
                            1 => shared.0.acquire_timeout(n, Duration::from_micros(20)),
                            _ => Some(shared.0.acquire(n)),
                        };
                        let Some(_permit) = permit else { continue };
                        assert!(shared.2.fetch_add(n, Ordering::SeqCst) + n <= 4);
                        if n == 4 {
                            #[expect(unsafe_code, reason = "plain data shows a broken lock")]
                            // SAFETY: with all permits nobody else is here.
                            unsafe {
                                *shared.1.0.get() += 1;
                            }
                            changed += 1;
                        }
                        random.jitter();
                        shared.2.fetch_sub(n, Ordering::SeqCst);
                    }
                    changed
                })
            })
            .collect();
        let changed: u64 = storm.into_iter().map(Peer::join).sum();
        assert_eq!(shared.0.available_permits(), 4);
        let mut shared = Arc::into_inner(shared).expect("all have ended");
        assert_eq!(*shared.1.0.get_mut(), changed);
    });
}

#[test]
fn a_barrier_holds_all_until_the_last_and_names_one_leader() {
    everywhere(|peers| {
        const ROUNDS: usize = 20;
        let shared = Arc::new((Barrier::new(4), AtomicUsize::new(0)));
        let members: Vec<_> = (0..4)
            .map(|_| {
                let shared = Arc::clone(&shared);
                peers.spawn(move || {
                    let mut led = 0;
                    for round in 0..ROUNDS {
                        shared.1.fetch_add(1, Ordering::Relaxed);
                        led += usize::from(shared.0.wait().is_leader());
                        // Some may be a round ahead, none two.
                        let arrived = shared.1.load(Ordering::Relaxed);
                        assert!((4 * (round + 1)..4 * (round + 2)).contains(&arrived));
                    }
                    led
                })
            })
            .collect();
        assert_eq!(members.into_iter().map(Peer::join).sum::<usize>(), ROUNDS);
    });
}

#[test]
fn a_barrier_for_none_or_one_holds_nobody() {
    everywhere(|_| {
        for n in [0, 1] {
            let barrier = Barrier::new(n);
            assert!((0..3).all(|_| barrier.wait().is_leader()));
        }
    });
}

static BUFFERS: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(64));

#[test]
fn a_pool_is_a_static_a_field_or_shared() {
    struct Server {
        names: Pool<String>,
    }
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    shared::<Pool<String>>();
    shared::<(Semaphore, Barrier)>();
    everywhere(|_| {
        assert_eq!(BUFFERS.get().capacity(), 64);
        let (prefix, counter) = (Arc::new("name".to_owned()), AtomicUsize::new(0));
        let server = Server {
            names: Pool::new({
                let prefix = Arc::clone(&prefix);
                move || format!("{prefix}{}", counter.fetch_add(1, Ordering::Relaxed))
            }),
        };
        let (one, other) = (server.names.get(), server.names.get());
        assert_eq!((one.as_str(), other.as_str()), ("name0", "name1"));
        drop((one, other));
        drop(server);
        assert_eq!(Arc::strong_count(&prefix), 1, "the closure is dropped");
        let pool = Arc::new(Pool::new(|| 7_u64));
        let mut object = pool.get_owned();
        *object += 1;
        drop(pool);
        assert_eq!(go!(object.into_inner()).join().expect("no panic"), 8);
    });
}

#[test]
fn what_was_given_back_last_is_had_next() {
    everywhere(|_| {
        // On one P, or one thread: others' objects are taken only when there are none of one's own.
        csp::runtime::gomaxprocs(Some(1));
        let pool = Pool::new(|| 0);
        (1..=3).for_each(|i| pool.put(i));
        assert_eq!(pool.idle(), 3);
        for _ in 0..2 {
            assert_eq!(*pool.get(), 3);
        }
        let (top, below) = (pool.get(), pool.get());
        assert_eq!((*top, *below, pool.idle()), (3, 2, 1));
        assert_eq!(format!("{pool:?} {top:?}"), "Pool { idle: 1, .. } 3");
        assert_eq!(top.into_inner(), 3);
        drop(below);
        assert_eq!(pool.idle(), 2);
        pool.clear();
        assert_eq!((pool.idle(), *pool.get()), (0, 0));
    });
}

#[test]
fn objects_of_others_are_had_before_new_ones_are_made() {
    everywhere(|peers| {
        let pool = Arc::new(Pool::<usize>::new(|| panic!("there are enough")));
        let puts: Vec<_> = (0..8)
            .map(|i| {
                let pool = Arc::clone(&pool);
                peers.spawn(move || pool.put(i))
            })
            .collect();
        puts.into_iter().for_each(Peer::join);
        let got: Vec<_> = (0..8).map(|_| pool.get()).collect();
        let mut seen: Vec<_> = got.iter().map(|object| **object).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..8));
        // A panic of the maker leaves the pool as it was.
        assert!(catch_unwind(AssertUnwindSafe(|| drop(pool.get()))).is_err());
        drop(got);
        assert_eq!(pool.idle(), 8);
    });
}

#[test]
fn a_pool_drops_what_it_holds_once_however_much() {
    everywhere(|_| {
        const MANY: usize = 50_000;
        let ledger = Ledger::new(MANY);
        let pool = Pool::<Counted>::new(|| panic!("there are enough"));
        (0..MANY / 2).for_each(|i| pool.put(ledger.message(i)));
        pool.clear();
        assert_eq!(ledger.live(), 0);
        (MANY / 2..MANY).for_each(|i| pool.put(ledger.message(i)));
        drop(pool.get().into_inner());
        assert_eq!((ledger.live(), pool.idle()), (MANY / 2 - 1, MANY / 2 - 1));
        drop(pool);
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn an_object_that_panics_does_not_keep_the_others() {
    const MANY: usize = 100_000;
    struct Object(bool, Arc<AtomicUsize>);
    impl Drop for Object {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            assert!(!self.0, "on purpose");
        }
    }
    everywhere(|peers| {
        let pool = Arc::new(Pool::<Object>::new(|| panic!("none is made")));
        let dropped = Arc::new(AtomicUsize::new(0));
        (1..MANY).for_each(|_| pool.put(Object(false, Arc::clone(&dropped))));
        pool.put(Object(true, Arc::clone(&dropped)));
        // Another's shard has one more.
        let (other, object) = (Arc::clone(&pool), Object(false, Arc::clone(&dropped)));
        peers.spawn(move || other.put(object)).join();
        assert!(catch_unwind(AssertUnwindSafe(|| pool.clear())).is_err());
        assert_eq!(
            (dropped.load(Ordering::Relaxed), pool.idle()),
            (MANY + 1, 0)
        );
    });
}

#[test]
fn a_storm_on_a_pool_gives_no_object_to_two() {
    everywhere(|peers| {
        let made = Arc::new(AtomicUsize::new(0));
        let pool = Arc::new(Pool::new({
            let made = Arc::clone(&made);
            move || (made.fetch_add(1, Ordering::SeqCst), 0_u64)
        }));
        let storm: Vec<_> = (0..6)
            .map(|seed| {
                let pool = Arc::clone(&pool);
                peers.spawn(move || {
                    let mut random = Rng::new(seed);
                    for _ in 0..300 {
                        let mut object = pool.get();
                        let before = object.1;
                        random.jitter();
                        object.1 = before + 1;
                    }
                })
            })
            .collect();
        storm.into_iter().for_each(Peer::join);
        let made = made.load(Ordering::SeqCst);
        assert!((1..=6).contains(&made) && pool.idle() == made);
        let objects: Vec<_> = (0..made).map(|_| pool.get()).collect();
        assert_eq!(objects.iter().map(|object| object.1).sum::<u64>(), 6 * 300);
    });
}
