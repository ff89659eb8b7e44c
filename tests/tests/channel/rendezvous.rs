//! A channel without a buffer: a send and a receive happen together or not at all.

use csp::{TryRecvError, TrySendError, channel};
use csp_tests::{everywhere, settle, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn send_returns_only_after_a_receive() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let sent = Arc::new(AtomicBool::new(false));
        let sender = peers.spawn({
            let sent = Arc::clone(&sent);
            move || {
                tx.send(7).unwrap();
                sent.store(true, Ordering::SeqCst);
            }
        });
        settle();
        assert!(!sent.load(Ordering::SeqCst));
        assert_eq!(rx.recv(), Some(7));
        sender.join();
        assert!(sent.load(Ordering::SeqCst));
    });
}

#[test]
fn recv_waits_for_a_send() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let receiver = peers.spawn(move || rx.recv());
        settle();
        assert!(!receiver.is_finished());
        tx.send("late").unwrap();
        assert_eq!(receiver.join(), Some("late"));
    });
}

#[test]
fn it_is_always_both_empty_and_full() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let sender = peers.spawn({
            let tx = tx.clone();
            move || tx.send(1).unwrap()
        });
        settle();
        assert_eq!((tx.capacity(), rx.capacity()), (Some(0), Some(0)));
        assert_eq!((tx.len(), rx.len()), (0, 0));
        assert!(tx.is_empty() && rx.is_empty() && tx.is_full() && rx.is_full());
        assert_eq!(rx.recv(), Some(1));
        sender.join();
    });
}

#[test]
fn try_send_without_a_receiver_waiting_gives_the_value_back() {
    everywhere(|_| {
        let (tx, _rx) = channel(0);
        assert_eq!(tx.try_send(5), Err(TrySendError::Full(5)));
    });
}

#[test]
fn try_recv_without_a_sender_waiting_is_empty() {
    everywhere(|_| {
        let (_tx, rx) = channel::<u8>(0);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn try_send_meets_a_waiting_receiver() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let receiver = peers.spawn(move || rx.recv());
        until(|| tx.try_send(9).is_ok());
        assert_eq!(receiver.join(), Some(9));
    });
}

#[test]
fn try_recv_meets_a_waiting_sender() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let sender = peers.spawn(move || tx.send(9));
        let mut got = None;
        until(|| {
            got = rx.try_recv().ok();
            got.is_some()
        });
        assert_eq!(got, Some(9));
        sender.join().unwrap();
    });
}

#[test]
fn a_thousand_round_trips_keep_step() {
    everywhere(|peers| {
        let (ping, pinged) = channel(0);
        let (pong, ponged) = channel(0);
        let peer = peers.spawn(move || {
            for v in &pinged {
                pong.send(v + 1).unwrap();
            }
        });
        for i in 0..1000 {
            ping.send(i).unwrap();
            assert_eq!(ponged.recv(), Some(i + 1));
        }
        drop(ping);
        peer.join();
        assert_eq!(ponged.recv(), None);
    });
}

#[test]
fn a_blocked_send_gets_its_value_back_when_the_last_receiver_goes() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let sender = peers.spawn(move || tx.send(3).unwrap_err().into_inner());
        settle();
        drop(rx);
        assert_eq!(sender.join(), 3);
    });
}
