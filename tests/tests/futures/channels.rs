//! Receives and sends as futures: the line, drops, closing, and selects that make their value late.

use super::{Wakes, poll};
use csp::{Receiver, SendError, Sender, block_on, channel, select};
use csp_tests::{Counted, Ledger, Peer, Rng, everywhere, open, settle, until};
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn futures_and_tasks_are_served_in_the_order_in_which_they_came() {
    everywhere(|peers| {
        let wakes = Arc::new(Wakes::default());
        let (tx, rx) = channel::<u32>(0);
        let mut first = Box::pin(rx.recv_async());
        assert!(poll(first.as_mut(), &wakes).is_pending());
        let second = peers.spawn({
            let rx = rx.clone();
            move || rx.recv()
        });
        // Not before it waits: a send would meet the future alone.
        settle();
        tx.send(1).unwrap();
        tx.send(2).unwrap();
        assert_eq!(poll(first.as_mut(), &wakes), Poll::Ready(Some(1)));
        assert_eq!(second.join(), Some(2));

        let (mut a, mut b) = (Box::pin(tx.send_async(1)), Box::pin(tx.send_async(2)));
        assert!(poll(a.as_mut(), &wakes).is_pending());
        assert!(poll(b.as_mut(), &wakes).is_pending());
        assert_eq!((rx.recv(), rx.recv()), (Some(1), Some(2)));
        assert_eq!(poll(b.as_mut(), &wakes), Poll::Ready(Ok(())));
        assert_eq!(poll(a.as_mut(), &wakes), Poll::Ready(Ok(())));
    });
}

#[test]
fn a_value_handed_to_a_future_that_is_dropped_goes_to_the_next() {
    everywhere(|peers| {
        for capacity in [Some(0), Some(1), Some(4), None] {
            let wakes = Arc::new(Wakes::default());
            let ledger = Ledger::new(4);
            let (tx, rx) = open::<Counted>(capacity);
            // Nobody else waits: it is the oldest, also before what is buffered and sent later.
            let mut future = Box::pin(rx.recv_async());
            assert!(poll(future.as_mut(), &wakes).is_pending());
            tx.send(ledger.message(0)).unwrap();
            let later = peers.spawn({
                let (tx, ledger) = (tx.clone(), ledger.clone());
                move || tx.send(ledger.message(1)).unwrap()
            });
            settle();
            drop(future);
            assert_eq!(rx.recv().unwrap().id, 0);
            assert_eq!(rx.recv().unwrap().id, 1);
            later.join();
            // A task and a future wait behind it: they move up.
            let mut first = Box::pin(rx.recv_async());
            let mut second = Box::pin(rx.recv_async());
            assert!(poll(first.as_mut(), &wakes).is_pending());
            assert!(poll(second.as_mut(), &wakes).is_pending());
            let third = peers.spawn({
                let rx = rx.clone();
                move || rx.recv().unwrap().id
            });
            settle();
            tx.send(ledger.message(2)).unwrap();
            drop(first);
            drop(second);
            assert_eq!(third.join(), 2);
            // Nobody is left to receive it: it is dropped with the channel.
            let mut last = Box::pin(rx.recv_async());
            assert!(poll(last.as_mut(), &wakes).is_pending());
            tx.send(ledger.message(3)).unwrap();
            drop(last);
            drop((tx, rx));
            assert_eq!((ledger.made(), ledger.live()), (4, 0));
        }
    });
}

#[test]
fn a_send_that_is_dropped_was_not_made_unless_it_was_taken() {
    everywhere(|_| {
        let wakes = Arc::new(Wakes::default());
        let ledger = Ledger::new(3);
        let (tx, rx) = channel::<Counted>(0);
        drop(tx.send_async(ledger.message(0)));
        let mut pending = Box::pin(tx.send_async(ledger.message(1)));
        let mut taken = Box::pin(tx.send_async(ledger.message(2)));
        assert!(poll(pending.as_mut(), &wakes).is_pending());
        assert!(poll(taken.as_mut(), &wakes).is_pending());
        drop(pending);
        assert_eq!(ledger.live(), 1);
        assert_eq!(rx.recv().unwrap().id, 2);
        drop(taken);
        assert!(rx.try_recv().is_err());
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn closing_ends_the_futures_that_wait() {
    everywhere(|peers| {
        let (tx, rx) = channel::<u32>(0);
        let receiver = peers.spawn({
            let rx = rx.clone();
            move || block_on(rx.recv_async())
        });
        settle();
        tx.close();
        assert_eq!(receiver.join(), None);
        assert_eq!(block_on(rx.recv_async()), None);
        assert_eq!(block_on(tx.send_async(1)), Err(SendError(1)));
        let (tx, rx) = channel::<u32>(0);
        let sender = peers.spawn(move || block_on(tx.send_async(2)));
        settle();
        drop(rx);
        assert_eq!(sender.join(), Err(SendError(2)));
    });
}

#[test]
fn a_select_makes_its_value_for_a_future() {
    everywhere(|peers| {
        // The select comes second, and first.
        for select_first in [false, true] {
            let (tx, rx) = channel::<u32>(0);
            let selecting = move || {
                select! { tx <- 7 => {} }
            };
            let receiving = move || block_on(rx.recv_async());
            let received = if select_first {
                let selecting = peers.spawn(selecting);
                settle();
                let received = peers.spawn(receiving).join();
                selecting.join();
                received
            } else {
                let receiving = peers.spawn(receiving);
                settle();
                peers.spawn(selecting).join();
                receiving.join()
            };
            assert_eq!(received, Some(7));
        }
    });
}

#[test]
fn a_future_dropped_while_a_select_makes_its_value_leaves_it_to_the_next() {
    everywhere(|_| {
        for another_waits in [false, true] {
            let wakes = Arc::new(Wakes::default());
            let (tx, rx) = channel::<u32>(0);
            let mut future = Some(Box::pin(rx.recv_async()));
            let mut next = Box::pin(rx.recv_async());
            assert!(poll(future.as_mut().unwrap().as_mut(), &wakes).is_pending());
            if another_waits {
                assert!(poll(next.as_mut(), &wakes).is_pending());
            }
            select! {
                tx <- {
                    drop(future.take());
                    tx.close();
                    7
                } => {}
            }
            assert_eq!(poll(next.as_mut(), &wakes), Poll::Ready(Some(7)));
            assert_eq!(rx.recv(), None);
        }
    });
}

/// The place was reserved for the select's value; what the future gives back takes it.
#[test]
fn a_value_given_back_does_not_hold_up_a_select_that_makes_one() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        tx.send(0).unwrap();
        assert_eq!(rx.recv(), Some(0));
        let mut pending = Box::pin(rx.recv_async());
        assert!(poll(pending.as_mut(), &Arc::default()).is_pending());
        tx.send(1).unwrap();
        select! {
            tx <- {
                drop(pending);
                2
            } => {}
        }
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2]);
    });
}

/// Makes no value.
fn gives_up() -> u32 {
    resume_unwind(Box::new(()))
}

#[test]
fn a_select_that_gives_up_its_value_leaves_the_future_waiting() {
    everywhere(|peers| {
        let wakes = Arc::new(Wakes::default());
        let (tx, rx) = channel::<u32>(0);
        let mut future = pin!(rx.recv_async());
        assert!(poll(future.as_mut(), &wakes).is_pending());
        let gave_up = catch_unwind(AssertUnwindSafe(|| {
            select! { tx <- gives_up() => {} }
        }));
        assert!(gave_up.is_err());
        until(|| wakes.count() == 1);
        assert!(poll(future.as_mut(), &wakes).is_pending());
        let sender = peers.spawn(move || tx.send(8).unwrap());
        until(|| wakes.count() == 2);
        assert_eq!(poll(future.as_mut(), &wakes), Poll::Ready(Some(8)));
        sender.join();
        // A select that is closed on and gives up ends it.
        let (tx, rx) = channel::<u32>(0);
        let mut future = pin!(rx.recv_async());
        assert!(poll(future.as_mut(), &wakes).is_pending());
        let gave_up = catch_unwind(AssertUnwindSafe(|| {
            select! { tx <- { tx.close(); gives_up() } => {} }
        }));
        assert!(gave_up.is_err());
        assert_eq!(poll(future.as_mut(), &wakes), Poll::Ready(None));
    });
}

/// Receives until the channel is closed, in ways that change: futures that are dropped after some polls, futures that
/// are awaited, selects and parked receives.
fn receive_in_all_ways(rx: &Receiver<Counted>, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed);
    let wakes = Arc::new(Wakes::default());
    let mut received = Vec::new();
    loop {
        let got = match rng.below(5) {
            0 | 1 => {
                let mut future = Box::pin(rx.recv_async());
                let mut result = Poll::Pending;
                for _ in 0..=rng.below(3) {
                    if result.is_pending() {
                        result = poll(future.as_mut(), &wakes);
                        csp::yield_now();
                    }
                }
                match result {
                    Poll::Ready(got) => got,
                    Poll::Pending => continue,
                }
            }
            2 => block_on(rx.recv_async()),
            3 => select! { got = <-rx => got },
            _ => rx.recv(),
        };
        match got {
            Some(message) => received.push(message.id),
            None => return received,
        }
    }
}

/// Sends messages in ways that change, and returns those of which it knows that they were sent. One whose future was
/// dropped while pending may have been taken just before.
fn send_in_all_ways(
    tx: &Sender<Counted>,
    ledger: &Arc<Ledger>,
    ids: Range<usize>,
    seed: u64,
) -> Vec<usize> {
    let mut rng = Rng::new(seed);
    let wakes = Arc::new(Wakes::default());
    let mut known = Vec::new();
    for id in ids {
        let sent = match rng.below(5) {
            0 => {
                let mut result = Poll::Pending;
                let mut future = Box::pin(tx.send_async(ledger.message(id)));
                for _ in 0..=rng.below(3) {
                    if result.is_pending() {
                        result = poll(future.as_mut(), &wakes);
                        csp::yield_now();
                    }
                }
                result.is_ready()
            }
            1 => block_on(tx.send_async(ledger.message(id))).is_ok(),
            2 => {
                select! { tx <- ledger.message(id) => {} }
                true
            }
            3 => {
                let gives_up = rng.one_in(2);
                let value = || {
                    if gives_up {
                        resume_unwind(Box::new(()));
                    }
                    ledger.message(id)
                };
                catch_unwind(AssertUnwindSafe(|| select! { tx <- value() => {} })).is_ok()
            }
            _ => tx.send(ledger.message(id)).is_ok(),
        };
        if sent {
            known.push(id);
        }
    }
    known
}

#[test]
fn drops_at_every_moment_lose_nothing_and_hold_up_nobody() {
    const EACH: usize = 200;
    everywhere(|peers| {
        for (round, capacity) in [Some(0), Some(1), Some(3), None].into_iter().enumerate() {
            let ledger = Ledger::new(4 * EACH);
            let (tx, rx) = open::<Counted>(capacity);
            let senders: Vec<_> = (0..4)
                .map(|n| {
                    let (tx, ledger) = (tx.clone(), ledger.clone());
                    peers.spawn(move || {
                        let seed = (round * 10 + n) as u64;
                        send_in_all_ways(&tx, &ledger, n * EACH..(n + 1) * EACH, seed)
                    })
                })
                .collect();
            drop(tx);
            let receivers: Vec<_> = (0..3)
                .map(|n| {
                    let rx = rx.clone();
                    peers.spawn(move || receive_in_all_ways(&rx, 100 + n))
                })
                .collect();
            let sent: Vec<_> = senders.into_iter().flat_map(Peer::join).collect();
            let received = receivers.into_iter().flat_map(Peer::join);
            let mut received: BTreeSet<_> = received.collect();
            // A value that was given back after the others had seen the end is still there.
            received.extend(rx.try_iter().map(|message| message.id));
            let lost: Vec<_> = sent.iter().filter(|id| !received.contains(id)).collect();
            assert!(lost.is_empty(), "{lost:?}");
            drop(rx);
            assert_eq!(ledger.live(), 0);
        }
    });
}

#[test]
fn awaited_messages_all_arrive_once_whoever_sends_and_receives() {
    const EACH: usize = 500;
    everywhere(|peers| {
        for capacity in [Some(0), Some(2), None] {
            let ledger = Ledger::new(4 * EACH);
            let (tx, rx) = open::<Counted>(capacity);
            let senders: Vec<_> = (0..4)
                .map(|n| {
                    let (tx, ledger) = (tx.clone(), ledger.clone());
                    peers.spawn(move || {
                        for id in n * EACH..(n + 1) * EACH {
                            let message = ledger.message(id);
                            match n % 2 {
                                0 => block_on(tx.send_async(message)).unwrap(),
                                _ => tx.send(message).unwrap(),
                            }
                        }
                    })
                })
                .collect();
            drop(tx);
            let receivers: Vec<_> = (0..4)
                .map(|n| {
                    let rx = rx.clone();
                    peers.spawn(move || match n % 2 {
                        0 => block_on(async {
                            let mut ids = Vec::new();
                            while let Some(message) = rx.recv_async().await {
                                ids.push(message.id);
                            }
                            ids
                        }),
                        _ => rx.iter().map(|message| message.id).collect(),
                    })
                })
                .collect();
            for sender in senders {
                sender.join();
            }
            let mut ids = Vec::new();
            for receiver in receivers {
                ids.extend(receiver.join());
            }
            ids.sort_unstable();
            assert!(ids.into_iter().eq(0..4 * EACH));
            assert_eq!(ledger.live(), 0);
        }
    });
}
