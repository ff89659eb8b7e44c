//! RwLock, Once, OnceLock and LazyLock: who comes in when, who runs, and what a panic leaves behind.

use csp::go;
use csp::sync::atomic::{AtomicUsize, Ordering};
use csp::sync::{Arc, LazyLock, Once, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
use csp_tests::{
    Counted, LIMIT, Ledger, PROCS, Peer, Peers, everywhere, in_state, settle, until, with_procs,
    within,
};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::time::Duration;

const READ: &str = "sync.RWMutex.RLock";
const WRITE: &str = "sync.RWMutex.Lock";

/// Starts a peer that shares `shared`.
fn start<T, R>(
    peers: Peers,
    shared: &Arc<T>,
    body: impl FnOnce(&T) -> R + Send + 'static,
) -> Peer<R>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let shared = Arc::clone(shared);
    peers.spawn(move || body(&shared))
}

/// The text of the panic that `body` ends with.
fn message(body: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.expect("the panic has a text")
}

#[test]
fn readers_share_and_a_writer_is_alone() {
    everywhere(|_| {
        let lock = RwLock::new(1);
        let (one, other) = (lock.read(), lock.try_read().expect("readers share"));
        assert_eq!(*one + *other, 2);
        assert!(lock.try_write().is_none());
        drop((one, other));
        let mut writing = lock.try_write().expect("nobody reads");
        *writing += 1;
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        drop(writing);
        assert_eq!(*lock.read(), 2);
    });
}

#[test]
fn once_a_writer_waits_new_readers_wait_behind_it() {
    everywhere(|peers| {
        let lock = Arc::new(RwLock::new(Vec::new()));
        let reading = lock.read();
        let writer = start(peers, &lock, |lock| lock.write().push("writer"));
        // That it is refused shows that the writer is in line.
        until(|| lock.try_read().is_none());
        let reader = start(peers, &lock, |lock| lock.read().clone());
        settle();
        assert!(!writer.is_finished() && !reader.is_finished());
        drop(reading);
        writer.join();
        assert_eq!(reader.join(), ["writer"]);
    });
}

#[test]
fn after_a_writer_all_waiting_readers_go_before_the_next_writer() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let lock = Arc::new(RwLock::new(0));
            let inside = Arc::new(AtomicUsize::new(0));
            let writing = lock.write();
            let writer = go!(clone(lock) => { *lock.write() += 1 });
            until(|| in_state(WRITE) == 1);
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    go!(clone(lock, inside) => {
                        let reading = lock.read();
                        inside.fetch_add(1, Ordering::SeqCst);
                        // They are in together.
                        until(|| inside.load(Ordering::SeqCst) == 3);
                        *reading
                    })
                })
                .collect();
            until(|| in_state(READ) == 3);
            drop(writing);
            for reader in readers {
                assert_eq!(reader.join().expect("no panic"), 0, "before the writer");
            }
            writer.join().expect("no panic");
            assert_eq!(*lock.read(), 1);
        });
    });
}

#[test]
fn writers_are_served_in_order() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let lock = Arc::new(RwLock::new(Vec::new()));
            let writing = lock.write();
            let writers: Vec<_> = (0..5)
                .map(|i| {
                    let writer = go!(clone(lock) => { lock.write().push(i) });
                    until(|| in_state(WRITE) == i + 1);
                    writer
                })
                .collect();
            drop(writing);
            for writer in writers {
                writer.join().expect("no panic");
            }
            assert_eq!(*lock.read(), [0, 1, 2, 3, 4]);
        });
    });
}

#[test]
fn a_writer_that_times_out_lets_in_the_readers_behind_it() {
    everywhere(|peers| {
        let lock = Arc::new(RwLock::new(7));
        let reading = lock.read();
        let writer = start(peers, &lock, |lock| {
            lock.write_timeout(Duration::from_millis(5)).is_none()
        });
        let readers: Vec<_> = (0..3)
            .map(|_| start(peers, &lock, |lock| *lock.read()))
            .collect();
        // All while this one reads.
        assert!(writer.join());
        assert!(readers.into_iter().map(Peer::join).all(|value| value == 7));
        drop(reading);
        assert!(lock.try_write().is_some(), "nobody is forgotten");
    });
}

#[test]
fn timed_forms_try_wait_and_give_up() {
    everywhere(|peers| {
        let lock = Arc::new(RwLock::new(()));
        assert!(lock.read_timeout(Duration::ZERO).is_some());
        assert!(lock.write_timeout(Duration::ZERO).is_some());
        let writing = lock.write();
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            assert!(lock.read_timeout(timeout).is_none());
            assert!(lock.write_timeout(timeout).is_none());
        }
        let patient = start(peers, &lock, |lock| {
            lock.read_timeout(Duration::MAX).is_some()
                && lock.write_timeout(Duration::MAX).is_some()
        });
        settle();
        drop(writing);
        assert!(patient.join());
    });
}

#[test]
fn downgrading_lets_readers_in_and_keeps_writers_out() {
    everywhere(|peers| {
        let lock = Arc::new(RwLock::new(0));
        let mut writing = lock.write();
        let reader = start(peers, &lock, |lock| *lock.read());
        settle();
        *writing = 1;
        let reading = RwLockWriteGuard::downgrade(writing);
        assert_eq!(reader.join(), 1);
        assert!(lock.try_write().is_none());
        let writer = start(peers, &lock, |lock| *lock.write() = 2);
        settle();
        assert_eq!(*reading, 1);
        drop(reading);
        writer.join();
        assert_eq!(*lock.read(), 2);
    });
}

#[test]
fn a_panic_gives_the_lock_back_and_poisons_nothing() {
    struct Locks<'a>(&'a RwLock<u32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.write() += 1;
            assert_eq!(*self.0.read(), 2);
        }
    }
    everywhere(|peers| {
        let lock = Arc::new(RwLock::new(0));
        let fails = start(peers, &lock, |lock| {
            catch_unwind(AssertUnwindSafe(|| {
                let _locks = Locks(lock);
                *lock.write() += 1;
                let _reading = lock.read();
                let _also = lock.read();
                panic!("on purpose");
            }))
            .is_err()
        });
        assert!(fails.join());
        assert_eq!(*lock.write(), 2);
    });
}

#[test]
fn a_storm_of_readers_and_writers_keeps_plain_data_whole() {
    everywhere(|peers| {
        const ROUNDS: u64 = 200;
        let lock = Arc::new(RwLock::new((0_u64, 0_u64)));
        let storm: Vec<_> = (0..6)
            .map(|seed| {
                start(peers, &lock, move |lock| {
                    let mut random = csp_tests::Rng::new(seed);
                    let mut written = 0;
                    let short = Duration::from_micros(20);
                    for _ in 0..ROUNDS {
                        let writing = match random.below(8) {
                            0 | 1 => Some(lock.write()),
                            2 => lock.write_timeout(short),
                            3 => lock.try_write(),
                            _ => None,
                        };
                        if let Some(mut pair) = writing {
                            pair.0 += 1;
                            random.jitter();
                            pair.1 += 1;
                            written += 1;
                            if random.one_in(4) {
                                let pair = RwLockWriteGuard::downgrade(pair);
                                assert_eq!(pair.0, pair.1);
                            }
                        }
                        let reading = match random.below(4) {
                            0 => lock.read_timeout(short),
                            1 => lock.try_read(),
                            _ => Some(lock.read()),
                        };
                        if let Some(pair) = reading {
                            let first = pair.0;
                            random.jitter();
                            assert_eq!(first, pair.1);
                        }
                    }
                    written
                })
            })
            .collect();
        let written: u64 = storm.into_iter().map(Peer::join).sum();
        let pair = lock.try_write().expect("nobody is forgotten");
        assert_eq!(*pair, (written, written));
    });
}

#[test]
fn it_has_the_traits_and_forms_of_std() {
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe + ?Sized>() {}
    fn sync<T: Sync>() {}
    trait NotSend<A> {
        const FACT: bool = true;
    }
    struct Other;
    impl<T> NotSend<()> for T {}
    impl<T: Send> NotSend<Other> for T {}
    shared::<RwLock<[u8]>>();
    shared::<Once>();
    shared::<OnceLock<String>>();
    shared::<LazyLock<String>>();
    sync::<RwLockReadGuard<'_, u8>>();
    sync::<RwLockWriteGuard<'_, u8>>();
    // These compile because the guards are not `Send`: otherwise there were two candidates.
    const { assert!(<RwLockReadGuard<'_, u8> as NotSend<_>>::FACT) };
    const { assert!(<RwLockWriteGuard<'_, u8> as NotSend<_>>::FACT) };
    with_procs(&[2], |_| {
        let mut lock = RwLock::<u8>::default();
        *lock.get_mut() = 3;
        assert_eq!(format!("{lock:?}"), "RwLock { data: 3, .. }");
        let writing = lock.write();
        assert_eq!(
            format!("{lock:?} {writing:?} {writing}"),
            "RwLock { data: <locked>, .. } 3 3"
        );
        drop(writing);
        assert_eq!(lock.into_inner(), 3);
        let slice: &RwLock<[i32]> = &RwLock::from([1, 2, 3]);
        slice.write().reverse();
        assert_eq!(*slice.read(), [3, 2, 1]);
    });
}

#[test]
fn a_call_of_once_returns_after_the_one_that_runs() {
    everywhere(|peers| {
        let once = Arc::new((Once::new(), AtomicUsize::new(0)));
        let callers: Vec<_> = (0..8)
            .map(|i| {
                start(peers, &once, move |once| {
                    let run = || {
                        settle();
                        once.1.fetch_add(1, Ordering::Relaxed);
                    };
                    match i {
                        0 => once.0.wait(),
                        1 => once.0.wait_force(),
                        2 => once.0.call_once_force(|state| {
                            assert!(!state.is_poisoned());
                            run();
                        }),
                        _ => once.0.call_once(run),
                    }
                    assert_eq!(once.1.load(Ordering::Relaxed), 1);
                    assert!(once.0.is_completed());
                })
            })
            .collect();
        callers.into_iter().for_each(Peer::join);
    });
}

#[test]
fn a_panic_poisons_once_and_wakes_all_who_wait() {
    const POISONED: &str = "Once instance has previously been poisoned";
    everywhere(|peers| {
        let once = Arc::new(Once::new());
        let begun = Arc::new(AtomicUsize::new(0));
        let fails = {
            let (once, begun) = (Arc::clone(&once), Arc::clone(&begun));
            peers.spawn(move || {
                message(|| {
                    once.call_once(|| {
                        begun.store(1, Ordering::SeqCst);
                        settle();
                        panic!("on purpose");
                    });
                })
            })
        };
        until(|| begun.load(Ordering::SeqCst) == 1);
        let others: Vec<_> = [false, true, false, true]
            .into_iter()
            .map(|waits| {
                start(peers, &once, move |once| {
                    message(|| {
                        if waits {
                            once.wait()
                        } else {
                            once.call_once(|| {})
                        }
                    })
                })
            })
            .collect();
        let patient = start(peers, &once, |once| once.wait_force());
        assert_eq!(fails.join(), "on purpose");
        assert!(
            others
                .into_iter()
                .map(Peer::join)
                .all(|text| text == POISONED)
        );
        assert!(!once.is_completed() && !patient.is_finished());
        once.call_once_force(|state| assert!(state.is_poisoned()));
        patient.join();
        once.call_once(|| unreachable!());
        once.wait();
    });
}

#[test]
fn a_once_lock_is_set_once_and_seen_by_all() {
    everywhere(|peers| {
        let lock = Arc::new(OnceLock::new());
        assert_eq!(
            (lock.get(), format!("{lock:?}")),
            (None, "OnceLock(<uninit>)".into())
        );
        let waiters: Vec<_> = (0..4)
            .map(|i| {
                start(peers, &lock, move |lock| {
                    if i % 2 == 0 {
                        return *lock.wait();
                    }
                    settle();
                    *lock.get_or_init(|| vec![i].len() * 10 + i)
                })
            })
            .collect();
        let seen: Vec<_> = waiters.into_iter().map(Peer::join).collect();
        let value = *lock.get().expect("it is set");
        assert!([11, 13].contains(&value) && seen.iter().all(|seen| *seen == value));
        assert_eq!(lock.set(5), Err(5));
    });
}

#[test]
fn a_once_lock_is_tried_again_after_a_panic() {
    everywhere(|peers| {
        let lock = Arc::new(OnceLock::new());
        let attempts: Vec<_> = (0..6)
            .map(|i| {
                start(peers, &lock, move |lock| {
                    let init = || if i < 5 { panic!("on purpose") } else { 5 };
                    catch_unwind(AssertUnwindSafe(|| *lock.get_or_init(init))).ok()
                })
            })
            .collect();
        for value in attempts.into_iter().filter_map(Peer::join) {
            assert_eq!(value, 5);
        }
        assert_eq!(lock.get(), Some(&5));
    });
}

#[test]
fn a_once_lock_owns_its_value() {
    with_procs(&[2], |_| {
        let ledger = Ledger::new(3);
        let mut lock = OnceLock::<Counted>::new();
        assert!(lock.set(ledger.message(0)).is_ok());
        assert_eq!(lock.set(ledger.message(1)).expect_err("it is set").id, 1);
        assert_eq!(ledger.live(), 1);
        assert_eq!(lock.get_mut().map(|message| message.id), Some(0));
        assert_eq!(lock.take().map(|message| message.id), Some(0));
        assert!(lock.get().is_none() && lock.take().is_none());
        assert_eq!(lock.get_or_init(|| ledger.message(2)).id, 2);
        drop(lock);
        assert_eq!((ledger.made(), ledger.live()), (3, 0));
        let lock = OnceLock::from(4);
        assert_eq!((lock.clone(), lock.clone().into_inner()), (lock, Some(4)));
        assert_ne!(OnceLock::new(), OnceLock::from(4));
    });
}

#[test]
fn a_lazy_lock_is_made_by_the_first_who_asks() {
    everywhere(|peers| {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        RUNS.store(0, Ordering::SeqCst);
        let lazy: Arc<LazyLock<Vec<u8>>> = Arc::new(LazyLock::new(|| {
            settle();
            RUNS.fetch_add(1, Ordering::SeqCst);
            vec![1, 2, 3]
        }));
        assert!(LazyLock::get(&lazy).is_none());
        let users: Vec<_> = (0..6)
            .map(|_| start(peers, &lazy, |lazy| lazy.len()))
            .collect();
        assert!(users.into_iter().map(Peer::join).all(|len| len == 3));
        assert_eq!(
            (RUNS.load(Ordering::SeqCst), &lazy[..]),
            (1, &[1, 2, 3][..])
        );
    });
}

#[test]
fn a_lazy_lock_that_fails_stays_poisoned() {
    everywhere(|peers| {
        let lazy: Arc<LazyLock<u8>> = Arc::new(LazyLock::new(|| {
            settle();
            panic!("on purpose")
        }));
        let users: Vec<_> = (0..4)
            .map(|_| start(peers, &lazy, |lazy| message(|| assert_eq!(**lazy, 0))))
            .collect();
        let mut texts: Vec<_> = users.into_iter().map(Peer::join).collect();
        texts.sort();
        let poisoned = "LazyLock instance has previously been poisoned";
        assert_eq!(texts, [poisoned, poisoned, poisoned, "on purpose"]);
        assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
    });
}

#[test]
fn a_lazy_lock_can_be_changed_by_its_owner() {
    with_procs(&[2], |_| {
        let start = String::from("a");
        let mut lazy = LazyLock::new(|| start + "b");
        assert_eq!(LazyLock::get_mut(&mut lazy), None);
        LazyLock::force_mut(&mut lazy).push('c');
        lazy.push('d');
        assert_eq!(
            (lazy.as_str(), format!("{lazy:?}")),
            ("abcd", "LazyLock(\"abcd\")".into())
        );
        assert_eq!(*LazyLock::<u8>::default(), 0);
    });
}
