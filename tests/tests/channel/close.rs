//! Closing: by call, by the last sender, by the last receiver; nothing waits on a closed channel and nothing is lost.

use csp::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use csp_tests::{everywhere, open, settle, until};
use std::time::Duration;

/// One of each flavour, with room for two values in those that have a buffer.
const FLAVOURS: [Option<usize>; 3] = [Some(0), Some(2), None];

#[test]
fn recv_after_close_drains() {
    everywhere(|_| {
        for flavour in [Some(2), Some(7), None] {
            let (tx, rx) = open(flavour);
            tx.send(1).unwrap();
            tx.send(2).unwrap();
            tx.close();
            assert!(tx.is_closed());
            assert_eq!(
                (rx.len(), rx.recv(), rx.recv(), rx.recv()),
                (2, Some(1), Some(2), None)
            );
            assert_eq!(rx.recv(), None);
        }
    });
}

#[test]
fn every_send_after_close_gives_the_value_back() {
    everywhere(|_| {
        for flavour in FLAVOURS {
            let (tx, rx) = open(flavour);
            tx.close();
            assert_eq!(tx.send(1).unwrap_err().0, 1);
            assert_eq!(tx.try_send(2), Err(TrySendError::Closed(2)));
            let timed = tx.send_timeout(3, Duration::from_secs(60));
            assert_eq!(timed, Err(SendTimeoutError::Closed(3)));
            assert_eq!(rx.recv(), None);
        }
    });
}

#[test]
fn every_send_without_receivers_gives_the_value_back() {
    everywhere(|_| {
        for flavour in FLAVOURS {
            let (tx, rx) = open(flavour);
            let second = rx.clone();
            drop(rx);
            assert_ne!(tx.try_send(0), Err(TrySendError::Closed(0)));
            drop(second);
            assert_eq!(tx.send(1).unwrap_err().into_inner(), 1);
            assert_eq!(tx.try_send(2), Err(TrySendError::Closed(2)));
            let timed = tx.send_timeout(3, Duration::MAX);
            assert_eq!(timed, Err(SendTimeoutError::Closed(3)));
        }
    });
}

#[test]
fn every_receive_after_close_says_closed() {
    everywhere(|_| {
        for flavour in FLAVOURS {
            let (tx, rx) = open::<u8>(flavour);
            tx.close();
            assert_eq!(rx.recv(), None);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
            assert_eq!(
                rx.recv_timeout(Duration::MAX),
                Err(RecvTimeoutError::Closed)
            );
            assert_eq!(
                rx.recv_timeout(Duration::ZERO),
                Err(RecvTimeoutError::Closed)
            );
            assert_eq!((rx.iter().count(), rx.try_iter().count()), (0, 0));
        }
    });
}

#[test]
fn the_last_sender_closes_and_no_other() {
    everywhere(|_| {
        for flavour in FLAVOURS {
            let (tx, rx) = open::<u8>(flavour);
            let second = tx.clone();
            drop(tx);
            assert!(!second.is_closed());
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            drop(second);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
            assert_eq!(rx.recv(), None);
        }
    });
}

#[test]
fn closing_twice_is_harmless() {
    everywhere(|_| {
        for flavour in FLAVOURS {
            let (tx, rx) = open::<u8>(flavour);
            let second = tx.clone();
            tx.close();
            tx.close();
            second.close();
            drop((tx, second));
            assert_eq!(rx.recv(), None);
        }
    });
}

#[test]
fn close_wakes_every_blocked_receiver() {
    everywhere(|peers| {
        for flavour in FLAVOURS {
            let (tx, rx) = open::<u8>(flavour);
            let receivers: Vec<_> = (0..8)
                .map(|_| {
                    let rx = rx.clone();
                    peers.spawn(move || rx.recv())
                })
                .collect();
            settle();
            tx.close();
            assert!(
                receivers
                    .into_iter()
                    .all(|receiver| receiver.join().is_none())
            );
        }
    });
}

#[test]
fn close_wakes_every_blocked_sender_with_its_value() {
    everywhere(|peers| {
        for capacity in [0, 1] {
            let (tx, rx) = csp::channel(capacity);
            for i in 0..capacity {
                tx.send(100 + i).unwrap();
            }
            let senders: Vec<_> = (0..8)
                .map(|i| {
                    let tx = tx.clone();
                    peers.spawn(move || (i, tx.send(i)))
                })
                .collect();
            settle();
            tx.close();
            for sender in senders {
                let (i, sent) = sender.join();
                assert_eq!(sent.unwrap_err().into_inner(), i);
            }
            // Go would panic the senders; here too none of their values may follow the close into the buffer.
            assert_eq!(
                rx.iter().collect::<Vec<_>>(),
                (0..capacity).map(|i| 100 + i).collect::<Vec<_>>()
            );
        }
    });
}

#[test]
fn the_last_receiver_wakes_every_blocked_sender_with_its_value() {
    everywhere(|peers| {
        let (tx, rx) = csp::channel(1);
        tx.send(100).unwrap();
        let senders: Vec<_> = (0..8)
            .map(|i| {
                let tx = tx.clone();
                peers.spawn(move || (i, tx.send(i)))
            })
            .collect();
        settle();
        drop(rx);
        for sender in senders {
            let (i, sent) = sender.join();
            assert_eq!(sent.unwrap_err().into_inner(), i);
        }
    });
}

#[test]
fn close_wakes_timed_waiters() {
    everywhere(|peers| {
        let (tx, rx) = csp::channel::<u8>(0);
        let receiver = peers.spawn(move || rx.recv_timeout(Duration::from_secs(3600)));
        settle();
        tx.close();
        assert_eq!(receiver.join(), Err(RecvTimeoutError::Closed));
        let (tx, rx) = csp::channel(0);
        let sender = peers.spawn(move || tx.send_timeout(5, Duration::from_secs(3600)));
        settle();
        drop(rx);
        assert_eq!(sender.join(), Err(SendTimeoutError::Closed(5)));
    });
}

#[test]
fn a_value_taken_before_the_close_is_delivered_once() {
    everywhere(|peers| {
        for _ in 0..50 {
            let (tx, rx) = csp::channel(0);
            let closer = tx.clone();
            let sender = peers.spawn(move || tx.send(1));
            let receiver = peers.spawn(move || rx.recv());
            closer.close();
            // Either both ends saw the message or neither did.
            assert_eq!(sender.join().is_ok(), receiver.join().is_some());
        }
    });
}

#[test]
fn is_closed_becomes_true_for_every_clone() {
    everywhere(|peers| {
        let (tx, _rx) = open::<u8>(None);
        let closer = tx.clone();
        let peer = peers.spawn(move || closer.close());
        until(|| tx.is_closed());
        peer.join();
    });
}
