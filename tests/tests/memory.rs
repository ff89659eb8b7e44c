//! The happens-before edges: what was written before is seen after.
//!
//! Values are `Relaxed` atomics, which promise nothing by themselves: only the edge under test orders them. A value
//! whose ownership moves through a channel is checked as a whole.

use csp::{WaitGroup, channel, go};
use csp_tests::{everywhere, open};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const ROUNDS: u64 = 500;

#[test]
fn a_value_handed_back_and_forth_keeps_every_write() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(1), Some(4), None] {
            let (there, at_peer) = open::<Box<[u64; 8]>>(flavour);
            let (back, here) = open(flavour);
            let peer = peers.spawn(move || {
                for mut value in &at_peer {
                    value.iter_mut().for_each(|word| *word += 1);
                    back.send(value).unwrap();
                }
            });
            let mut value = Box::new([0u64; 8]);
            for round in 0..ROUNDS {
                assert_eq!(*value, [2 * round; 8]);
                value.iter_mut().for_each(|word| *word += 1);
                there.send(value).unwrap();
                value = here.recv().unwrap();
            }
            drop(there);
            peer.join();
        }
    });
}

#[test]
fn a_send_happens_before_its_receive() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(3), None] {
            let (tx, rx) = open(flavour);
            let shared = Arc::new(AtomicU64::new(0));
            let sender = peers.spawn({
                let shared = Arc::clone(&shared);
                move || {
                    for i in 1..=ROUNDS {
                        shared.store(i, Relaxed);
                        tx.send(i).unwrap();
                    }
                }
            });
            for i in &rx {
                assert!(shared.load(Relaxed) >= i);
            }
            sender.join();
        }
    });
}

#[test]
fn a_receive_happens_before_the_end_of_an_unbuffered_send() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let shared = Arc::new(AtomicU64::new(0));
        let receiver = peers.spawn({
            let shared = Arc::clone(&shared);
            move || {
                for i in 1..=ROUNDS {
                    shared.store(i, Relaxed);
                    rx.recv().unwrap();
                }
            }
        });
        for i in 1..=ROUNDS {
            tx.send(()).unwrap();
            assert!(shared.load(Relaxed) >= i);
        }
        receiver.join();
    });
}

#[test]
fn the_kth_receive_happens_before_the_end_of_the_send_that_reuses_its_place() {
    const CAPACITY: u64 = 3;
    everywhere(|peers| {
        let (tx, rx) = channel(CAPACITY as usize);
        let shared = Arc::new(AtomicU64::new(0));
        let receiver = peers.spawn({
            let shared = Arc::clone(&shared);
            move || {
                for i in 1..=ROUNDS {
                    shared.store(i, Relaxed);
                    rx.recv().unwrap();
                }
            }
        });
        for i in 1..=ROUNDS {
            tx.send(()).unwrap();
            assert!(shared.load(Relaxed) + CAPACITY >= i);
        }
        receiver.join();
    });
}

#[test]
fn a_close_happens_before_the_receive_that_sees_it() {
    everywhere(|peers| {
        for round in 0..100 {
            let (tx, rx) = channel::<()>(round % 2);
            let shared = Arc::new(AtomicU64::new(0));
            let closer = peers.spawn({
                let shared = Arc::clone(&shared);
                move || {
                    shared.store(1, Relaxed);
                    tx.close();
                    // Dropped only after the test has looked, so that the close is the edge.
                    tx
                }
            });
            assert_eq!(rx.recv(), None);
            assert_eq!(shared.load(Relaxed), 1);
            drop(closer.join());
        }
    });
}

#[test]
fn a_done_happens_before_the_return_of_wait() {
    everywhere(|peers| {
        for _ in 0..100 {
            let wg = WaitGroup::new();
            let shared = Arc::new(AtomicU64::new(0));
            wg.add(2);
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    let (wg, shared) = (wg.clone(), Arc::clone(&shared));
                    peers.spawn(move || {
                        shared.fetch_add(1, Relaxed);
                        wg.done();
                    })
                })
                .collect();
            wg.wait();
            assert_eq!(shared.load(Relaxed), 2);
            workers.into_iter().for_each(csp_tests::Peer::join);
        }
    });
}

#[test]
fn go_happens_before_the_goroutine_and_its_end_before_join() {
    everywhere(|_| {
        let shared = Arc::new(AtomicU64::new(0));
        for i in 0..100 {
            shared.store(2 * i, Relaxed);
            let inside = Arc::clone(&shared);
            let handle = go!({
                assert_eq!(inside.load(Relaxed), 2 * i);
                inside.store(2 * i + 1, Relaxed);
            });
            handle.join().unwrap();
            assert_eq!(shared.load(Relaxed), 2 * i + 1);
        }
    });
}

#[test]
fn a_thread_and_a_goroutine_count_with_a_channel_as_lock() {
    everywhere(|peers| {
        let (lock, key) = channel(1);
        let counter = Arc::new(AtomicU64::new(0));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (lock, key, counter) = (lock.clone(), key.clone(), Arc::clone(&counter));
                peers.spawn(move || {
                    for _ in 0..100 {
                        lock.send(()).unwrap();
                        // A lost update shows that two were inside.
                        counter.store(counter.load(Relaxed) + 1, Relaxed);
                        key.recv().unwrap();
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(csp_tests::Peer::join);
        assert_eq!(counter.load(Relaxed), 400);
    });
}
