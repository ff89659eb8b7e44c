//! Order: first in first out for values, and first come first served for those who wait.
//!
//! The order in which waiters parked can only be known when they park one after the other, so those tests run on one
//! P, from a goroutine that yields until the one before is parked.

use csp::{Receiver, Sender, channel, go, yield_now};
use csp_tests::{LIMIT, everywhere, open, until, with_procs, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn values_of_one_sender_arrive_in_order() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(1), Some(5), None] {
            let (tx, rx) = open::<(usize, u32)>(flavour);
            let senders: Vec<_> = (0..3)
                .map(|who| {
                    let tx = tx.clone();
                    peers.spawn(move || (0..200).for_each(|i| tx.send((who, i)).unwrap()))
                })
                .collect();
            drop(tx);
            let mut next = [0; 3];
            for (who, i) in &rx {
                assert_eq!(i, next[who], "sender {who}");
                next[who] += 1;
            }
            assert_eq!(next, [200; 3]);
            senders.into_iter().for_each(csp_tests::Peer::join);
        }
    });
}

#[test]
fn each_receiver_sees_rising_values() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(4), None] {
            let (tx, rx) = open(flavour);
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let rx = rx.clone();
                    peers.spawn(move || rx.iter().collect::<Vec<u32>>())
                })
                .collect();
            (0..300).for_each(|i| tx.send(i).unwrap());
            drop(tx);
            let mut all = Vec::new();
            for receiver in receivers {
                let got = receiver.join();
                assert!(got.is_sorted(), "{got:?}");
                all.extend(got);
            }
            all.sort_unstable();
            assert!(all.into_iter().eq(0..300));
        }
    });
}

/// Runs `body` as a goroutine on a single P.
fn on_one_p(body: fn()) {
    with_procs(&[1], |_| within(LIMIT, || go!(body()).join().unwrap()));
}

/// Starts `n` goroutines, each parked in `wait(i)` before the next one starts.
fn line_up(n: usize, wait: impl Fn(usize) + Clone + Send + 'static) -> Vec<csp::JoinHandle<()>> {
    let arrived = Arc::new(AtomicUsize::new(0));
    (0..n)
        .map(|i| {
            let (wait, mark) = (wait.clone(), Arc::clone(&arrived));
            let handle = go!({
                mark.fetch_add(1, Ordering::SeqCst);
                wait(i)
            });
            until(|| arrived.load(Ordering::SeqCst) == i + 1);
            (0..8).for_each(|_| yield_now());
            handle
        })
        .collect()
}

fn collect(rx: &Receiver<usize>, n: usize) -> Vec<usize> {
    (0..n).map(|_| rx.recv().unwrap()).collect()
}

#[test]
fn blocked_senders_are_served_in_order() {
    on_one_p(|| {
        for capacity in [0, 1] {
            let (tx, rx) = channel(capacity);
            (0..capacity).for_each(|_| tx.send(99).unwrap());
            let senders = line_up(10, move |i| tx.send(i).unwrap());
            assert_eq!(collect(&rx, capacity), vec![99; capacity]);
            assert_eq!(collect(&rx, 10), (0..10).collect::<Vec<_>>());
            senders
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
        }
    });
}

#[test]
fn blocked_receivers_are_served_in_order() {
    on_one_p(|| {
        for flavour in [Some(0), Some(2), None] {
            let (tx, rx) = open(flavour);
            let (log_tx, log) = csp::unbounded();
            let receivers = line_up(10, move |i| {
                let v: usize = rx.recv().unwrap();
                log_tx.send((v, i)).unwrap();
            });
            (0..10).for_each(|v| tx.send(v).unwrap());
            receivers
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            for (v, i) in log.try_iter() {
                assert_eq!(v, i, "value {v} went to receiver {i}");
            }
        }
    });
}

#[test]
fn selects_queue_with_the_other_waiters() {
    on_one_p(|| {
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<usize>(0);
        let senders = line_up(6, move |i| {
            let tx: &Sender<usize> = &tx;
            if i % 2 == 0 {
                tx.send(i).unwrap();
            } else {
                csp::select! {
                    tx <- i => {},
                    _ = <-quiet => unreachable!(),
                }
            }
        });
        assert_eq!(collect(&rx, 6), (0..6).collect::<Vec<_>>());
        senders
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
    });
}
