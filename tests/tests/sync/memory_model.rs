//! The memory model, on plain data: what happens before is seen, whole.
//!
//! A [`Plain`] is sixteen words that belong together, without an atomic or a lock. Each rule of `docs/memory-model.md`
//! is the only thing that orders the writes of one task with the reads of another; without it a reader finds an older
//! value, or words of two. Every test runs with 1, 2 and 4 Ps, on goroutines and on threads.
//!
//! Places are written once each, so that no test depends on a second edge that holds the writer back.
//!
//! Rejected: `Relaxed` atomics instead of plain words. They cannot tear, and the compiler spares them.
#![expect(unsafe_code, reason = "plain memory that only the rules order")]

use csp::sync::{Barrier, Condvar, Mutex, MutexGuard, Once, OnceLock, Pool, RwLock, Semaphore};
use csp::{Receiver, Sender, TryRecvError, WaitGroup, channel, go, join, scope, select};
use csp_tests::{Peer, Peers, everywhere, open};
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: usize = 300;

/// Several words, in two cache lines, that are written together.
struct Plain(UnsafeCell<[u64; 16]>);

// SAFETY: every test orders all accesses to one place by the rule it tests; that is what it tests.
unsafe impl Sync for Plain {}

impl Plain {
    const fn new() -> Self {
        Self(UnsafeCell::new([0; 16]))
    }

    /// Makes all words `n`.
    fn write(&self, n: usize) {
        // SAFETY: the rule under test orders this after all earlier accesses and before all later ones.
        unsafe { *self.0.get() = [n as u64; 16] };
    }

    /// Adds one to the words, each for itself.
    fn add_one(&self) {
        // SAFETY: as above.
        unsafe { &mut *self.0.get() }
            .iter_mut()
            .for_each(|word| *word += 1);
    }

    /// The number that all words are.
    #[track_caller]
    fn number(&self) -> usize {
        // SAFETY: as above.
        let words = unsafe { *self.0.get() };
        assert_eq!(words, [words[0]; 16]);
        words[0] as usize
    }

    /// Asserts that the words are all `n`.
    #[track_caller]
    fn read(&self, n: usize) {
        assert_eq!(self.number(), n);
    }
}

/// A place for each round.
fn places(n: usize) -> Arc<[Plain]> {
    (0..n).map(|_| Plain::new()).collect()
}

type SendBy = fn(&Sender<usize>, usize);
type ReceiveBy = fn(&Receiver<usize>) -> Option<usize>;
type CloseBy = fn(Sender<usize>, &Receiver<usize>);
type LockBy = for<'a> fn(&'a Mutex<()>) -> Option<MutexGuard<'a, ()>>;

/// The ways to receive.
const RECEIVES: [ReceiveBy; 4] = [
    Receiver::recv,
    |rx| loop {
        match rx.try_recv() {
            Ok(n) => return Some(n),
            Err(TryRecvError::Closed) => return None,
            Err(TryRecvError::Empty) => csp::yield_now(),
        }
    },
    |rx| rx.recv_timeout(Duration::MAX).ok(),
    |rx| select! { n = <-rx => n },
];

/// The ways to send.
const SENDS: [SendBy; 4] = [
    |tx, n| tx.send(n).unwrap(),
    |tx, n| {
        while tx.try_send(n).is_err() {
            csp::yield_now();
        }
    },
    |tx, n| tx.send_timeout(n, Duration::MAX).unwrap(),
    |tx, n| select! { tx <- n => {} },
];

/// Each way to send beside a way to receive. Not `try_send` beside `try_recv`: without a buffer they never meet.
fn pairs() -> impl Iterator<Item = (SendBy, ReceiveBy)> {
    SENDS.into_iter().zip(RECEIVES.into_iter().cycle().skip(1))
}

#[test]
fn rule_1_what_precedes_go_happens_before_the_goroutine() {
    everywhere(|_| {
        let places = places(ROUNDS);
        let readers: Vec<_> = (0..ROUNDS)
            .map(|n| {
                places[n].write(n);
                go!(clone(places) => { places[n].read(n) })
            })
            .collect();
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn rule_1_holds_from_goroutine_to_goroutine() {
    fn pass(places: Arc<[Plain]>, n: usize, end: Sender<()>) {
        (0..n).for_each(|before| places[before].read(before));
        if n < places.len() {
            places[n].write(n);
            go!(pass(places, n + 1, end));
        } else {
            end.send(()).unwrap();
        }
    }
    everywhere(|_| {
        let (end, ended) = channel(0);
        go!(pass(places(64), 0, end));
        assert_eq!(ended.recv(), Some(()));
    });
}

#[test]
fn rule_2_a_send_happens_before_its_receive() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(1), Some(3), None] {
            for (send, receive) in pairs() {
                let (tx, rx) = open(flavour);
                let places = places(ROUNDS);
                let sender = peers.spawn({
                    let places = Arc::clone(&places);
                    move || {
                        for n in 0..ROUNDS {
                            places[n].write(n);
                            send(&tx, n);
                        }
                    }
                });
                while let Some(n) = receive(&rx) {
                    places[n].read(n);
                    // And all before it: the order within the sender counts too.
                    places[n / 2].read(n / 2);
                }
                sender.join();
            }
        }
    });
}

#[test]
fn rule_2_holds_for_each_of_many_senders_and_receivers() {
    everywhere(|peers| {
        let (tx, rx) = channel::<usize>(2);
        let places = places(4 * ROUNDS);
        let receivers = {
            let places = Arc::clone(&places);
            peers.spawn(move || {
                run_all(peers, 3, move |_| rx.iter().for_each(|n| places[n].read(n)));
            })
        };
        run_all(peers, 4, move |me| {
            for n in (me..4 * ROUNDS).step_by(4) {
                places[n].write(n);
                tx.send(n).unwrap();
            }
        });
        receivers.join();
    });
}

#[test]
fn rule_2_hands_a_value_back_and_forth_with_every_write() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(1), Some(4), None] {
            let place = Arc::new(Plain::new());
            let ((there, at_peer), (back, here)) = (open(flavour), open(flavour));
            let peer = peers.spawn({
                let place = Arc::clone(&place);
                move || {
                    for n in &at_peer {
                        place.read(n);
                        place.add_one();
                        back.send(n + 1).unwrap();
                    }
                }
            });
            for n in 0..ROUNDS {
                place.write(2 * n);
                there.send(2 * n).unwrap();
                assert_eq!(here.recv(), Some(2 * n + 1));
                place.read(2 * n + 1);
            }
            drop(there);
            peer.join();
        }
    });
}

#[test]
fn rule_3_a_close_happens_before_a_receive_that_finds_it() {
    /// The ways to close.
    const CLOSES: [CloseBy; 3] = [|tx, _| tx.close(), |tx, _| drop(tx), |_tx, rx| rx.close()];
    everywhere(|peers| {
        for close in CLOSES {
            for round in 0..30 {
                let (tx, rx) = channel::<usize>(round % 2);
                let place = Arc::new(Plain::new());
                let readers: Vec<_> = RECEIVES
                    .map(|receive| {
                        let (rx, place) = (rx.clone(), Arc::clone(&place));
                        peers.spawn(move || {
                            assert_eq!(receive(&rx), None);
                            place.read(round);
                        })
                    })
                    .into();
                place.write(round);
                close(tx, &rx);
                readers.into_iter().for_each(Peer::join);
            }
        }
    });
}

#[test]
fn rule_4_a_receive_happens_before_the_end_of_its_unbuffered_send() {
    everywhere(|peers| {
        for (send, receive) in pairs() {
            let (tx, rx) = channel(0);
            let places = places(ROUNDS);
            let receiver = peers.spawn({
                let places = Arc::clone(&places);
                move || {
                    for n in 0..ROUNDS {
                        places[n].write(n);
                        assert_eq!(receive(&rx), Some(n));
                    }
                }
            });
            for n in 0..ROUNDS {
                send(&tx, n);
                places[n].read(n);
            }
            receiver.join();
        }
    });
}

#[test]
fn rule_5_a_receive_happens_before_the_end_of_the_send_that_follows_by_the_capacity() {
    everywhere(|peers| {
        for capacity in 1..4 {
            for (send, receive) in pairs() {
                let (tx, rx) = channel(capacity);
                let places = places(ROUNDS);
                let receiver = peers.spawn({
                    let places = Arc::clone(&places);
                    move || {
                        for n in 0..ROUNDS {
                            places[n].write(n);
                            assert_eq!(receive(&rx), Some(n));
                        }
                    }
                });
                for n in 0..ROUNDS {
                    send(&tx, n);
                    if n >= capacity {
                        places[n - capacity].read(n - capacity);
                    }
                }
                receiver.join();
            }
        }
    });
}

/// Runs `body` as `n` peers, which are given their number, and waits for them.
fn run_all(peers: Peers, n: usize, body: impl Fn(usize) + Send + Sync + 'static) {
    let body = Arc::new(body);
    let tasks: Vec<_> = (0..n)
        .map(|me| {
            let body = Arc::clone(&body);
            peers.spawn(move || body(me))
        })
        .collect();
    tasks.into_iter().for_each(Peer::join);
}

/// Lets four tasks, of both kinds, pass through `enter` and `leave` and add to one place in between.
fn count_between(peers: Peers, enter: impl Fn(&dyn Fn()) + Clone + Send + 'static) {
    let place = Arc::new(Plain::new());
    let workers: Vec<_> = [Peers::Threads, Peers::Goroutines, peers, peers]
        .map(|kind| {
            let (enter, place) = (enter.clone(), Arc::clone(&place));
            kind.spawn(move || (0..ROUNDS).for_each(|_| enter(&|| place.add_one())))
        })
        .into();
    workers.into_iter().for_each(Peer::join);
    place.read(4 * ROUNDS);
}

#[test]
fn rule_5_makes_a_channel_of_capacity_one_a_lock() {
    everywhere(|peers| {
        let (lock, unlock) = channel(1);
        count_between(peers, move |body| {
            lock.send(()).unwrap();
            body();
            assert_eq!(unlock.recv(), Some(()));
        });
    });
}

#[test]
fn rule_6_an_unlock_happens_before_the_next_lock() {
    const LOCKS: [LockBy; 3] = [
        |mutex| Some(mutex.lock()),
        |mutex| {
            std::iter::repeat_with(|| mutex.try_lock()).find_map(|guard| {
                csp::yield_now();
                guard
            })
        },
        |mutex| mutex.lock_timeout(Duration::MAX),
    ];
    everywhere(|peers| {
        for lock in LOCKS {
            let mutex = Arc::new(Mutex::new(()));
            count_between(peers, move |body| {
                let _guard = lock(&mutex).expect("locked in the end");
                body();
            });
        }
    });
}

#[test]
fn rule_6_holds_for_writers_and_readers() {
    everywhere(|peers| {
        let (lock, place) = (RwLock::new(()), Plain::new());
        run_all(peers, 4, move |me| {
            if me % 2 == 0 {
                for _ in 0..ROUNDS {
                    let _guard = lock.write();
                    place.add_one();
                }
            }
            let mut last = 0;
            while last < 2 * ROUNDS {
                let _guard = lock.read();
                assert!(place.number() >= last);
                last = place.number();
            }
        });
    });
}

#[test]
fn an_initialiser_happens_before_all_who_find_it_done() {
    everywhere(|peers| {
        for round in 0..30 {
            let (once, lock) = (Once::new(), OnceLock::new());
            let (first, second) = (Plain::new(), Plain::new());
            run_all(peers, 4, move |_| {
                once.call_once(|| first.write(round));
                first.read(round);
                lock.get_or_init(|| second.write(round));
                second.read(round);
            });
        }
    });
}

#[test]
fn a_release_happens_before_the_acquire_that_it_lets_go_on() {
    everywhere(|peers| {
        let semaphore = Arc::new(Semaphore::new(1));
        count_between(peers, move |body| {
            let _permit = semaphore.acquire(1);
            body();
        });
    });
}

#[test]
fn a_notification_happens_before_the_return_of_its_wait() {
    everywhere(|peers| {
        let shared = Arc::new((Mutex::new(0), Condvar::new(), places(ROUNDS)));
        let writer = peers.spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (done, changed, places) = &*shared;
                for n in 0..ROUNDS {
                    places[n].write(n);
                    *done.lock() = n + 1;
                    changed.notify_one();
                }
            }
        });
        let (done, changed, places) = &*shared;
        for n in 0..ROUNDS {
            drop(changed.wait_while(done.lock(), |done| *done <= n));
            places[n].read(n);
        }
        writer.join();
    });
}

#[test]
fn all_that_come_to_a_barrier_happen_before_all_that_leave_it() {
    everywhere(|peers| {
        let (barrier, places) = (Barrier::new(3), places(150));
        run_all(peers, 3, move |me| {
            for round in places.chunks(3) {
                round[me].write(me);
                barrier.wait();
                (0..3).for_each(|other| round[other].read(other));
            }
        });
    });
}

#[test]
fn giving_back_to_a_pool_happens_before_the_next_get() {
    everywhere(|peers| {
        let pool = Pool::new(|| (0, Plain::new()));
        run_all(peers, 4, move |_| {
            for _ in 0..ROUNDS {
                let mut object = pool.get();
                object.1.read(object.0);
                object.1.add_one();
                object.0 += 1;
            }
        });
    });
}

#[test]
fn the_end_of_a_goroutine_happens_before_its_join() {
    everywhere(|_| {
        let places = places(ROUNDS);
        for n in 0..ROUNDS {
            let writer = go!(clone(places) => { places[n].write(n) });
            if n % 2 == 0 {
                csp_tests::until(|| writer.is_finished());
                places[n].read(n);
            }
            writer.join().unwrap();
            places[n].read(n);
        }
        let left = Plain::new();
        join!(left.write(1), places[0].write(2));
        left.read(1);
        places[0].read(2);
        scope(|s| {
            for n in 0..ROUNDS {
                places[n].write(n);
                go!(in s, ref(places) => { places[n].add_one() });
            }
        });
        (0..ROUNDS).for_each(|n| places[n].read(n + 1));
    });
}

#[test]
fn done_happens_before_the_return_of_wait() {
    everywhere(|peers| {
        let places = places(ROUNDS);
        for pair in (0..ROUNDS).step_by(2) {
            let wg = WaitGroup::new();
            wg.add(1);
            let worker = peers.spawn({
                let (wg, places) = (wg.clone(), Arc::clone(&places));
                move || {
                    places[pair].write(pair);
                    wg.done();
                }
            });
            go!(in wg, clone(places) => { places[pair + 1].write(pair + 1) });
            wg.wait();
            places[pair].read(pair);
            places[pair + 1].read(pair + 1);
            worker.join();
        }
    });
}
