//! A channel with a buffer: sends wait only while it is full.

use csp::{TryRecvError, TrySendError, channel};
use csp_tests::{everywhere, settle};

#[test]
fn sends_up_to_the_capacity_do_not_wait() {
    everywhere(|_| {
        let (tx, rx) = channel(3);
        for i in 0..3 {
            assert_eq!(tx.len(), i);
            assert!(!tx.is_full());
            tx.send(i).unwrap();
        }
        assert!(tx.is_full() && rx.is_full() && !rx.is_empty());
        assert_eq!((tx.len(), rx.len()), (3, 3));
        assert_eq!((tx.capacity(), rx.capacity()), (Some(3), Some(3)));
        assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    });
}

#[test]
fn send_waits_while_the_buffer_is_full() {
    everywhere(|peers| {
        let (tx, rx) = channel(1);
        tx.send(1).unwrap();
        let sender = peers.spawn(move || tx.send(2));
        settle();
        assert!(!sender.is_finished());
        assert_eq!(rx.recv(), Some(1));
        sender.join().unwrap();
        assert_eq!(rx.recv(), Some(2));
    });
}

#[test]
fn values_come_out_in_the_order_they_went_in() {
    everywhere(|_| {
        let (tx, rx) = channel(5);
        let (mut put, mut taken) = (0, 0);
        for round in 0..50 {
            while put - taken < 1 + round % 5 {
                tx.try_send(put).unwrap();
                put += 1;
            }
            while put > taken {
                assert_eq!(rx.try_recv(), Ok(taken));
                taken += 1;
            }
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_value_of_a_waiting_sender_queues_behind_the_buffer() {
    everywhere(|peers| {
        let (tx, rx) = channel(2);
        tx.send(0).unwrap();
        tx.send(1).unwrap();
        let sender = peers.spawn(move || {
            tx.send(2).unwrap();
            tx.send(3).unwrap();
        });
        settle();
        assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        sender.join();
    });
}

#[test]
fn same_channel_tells_clones_from_strangers() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(2);
        let (other_tx, other_rx) = channel::<u8>(2);
        assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
        assert!(!tx.same_channel(&other_tx) && !rx.same_channel(&other_rx));
    });
}
