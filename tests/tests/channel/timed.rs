//! The forms with a limit, and the iterators.

use csp::{RecvTimeoutError, SendTimeoutError, channel};
use csp_tests::{Ledger, everywhere, open, settle};
use std::time::{Duration, Instant};

#[test]
fn recv_timeout_waits_at_least_as_long() {
    everywhere(|_| {
        for flavour in [Some(0), Some(1), None] {
            let (_tx, rx) = open::<u8>(flavour);
            let start = Instant::now();
            let limit = Duration::from_millis(12);
            assert_eq!(rx.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
            assert!(start.elapsed() >= limit);
        }
    });
}

#[test]
fn send_timeout_waits_at_least_as_long_and_gives_the_value_back() {
    everywhere(|_| {
        for capacity in [0, 1] {
            let (tx, _rx) = channel(capacity);
            (0..capacity).for_each(|_| tx.send(0).unwrap());
            let start = Instant::now();
            let limit = Duration::from_millis(12);
            assert_eq!(tx.send_timeout(5, limit), Err(SendTimeoutError::Timeout(5)));
            assert!(start.elapsed() >= limit);
        }
    });
}

#[test]
fn a_limit_of_zero_takes_what_is_ready() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        assert_eq!(
            rx.recv_timeout(Duration::ZERO),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!(tx.send_timeout(1, Duration::ZERO), Ok(()));
        assert_eq!(
            tx.send_timeout(2, Duration::ZERO),
            Err(SendTimeoutError::Timeout(2))
        );
        assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(1));
    });
}

#[test]
fn a_limit_of_max_waits_for_the_other_end() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let receiver = peers.spawn(move || rx.recv_timeout(Duration::MAX));
        settle();
        tx.send_timeout(4, Duration::MAX).unwrap();
        assert_eq!(receiver.join(), Ok(4));
    });
}

#[test]
fn a_timed_out_waiter_leaves_no_trace() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        assert!(rx.recv_timeout(Duration::from_millis(1)).is_err());
        assert!(tx.send_timeout(1, Duration::from_millis(1)).is_err());
        // Neither the receiver nor the value that gave up may be met now.
        assert!(tx.try_send(2).is_err());
        assert!(rx.try_recv().is_err());
        let receiver = peers.spawn(move || rx.recv());
        tx.send(3).unwrap();
        assert_eq!(receiver.join(), Some(3));
    });
}

#[test]
fn timeouts_racing_with_sends_lose_nothing() {
    everywhere(|peers| {
        const N: usize = 150;
        let ledger = Ledger::new(N);
        let (tx, rx) = channel(0);
        let sender = peers.spawn({
            let ledger = ledger.clone();
            move || {
                for id in 0..N {
                    let mut message = ledger.message(id);
                    loop {
                        match tx.send_timeout(message, Duration::from_micros(20 * (id as u64 % 8)))
                        {
                            Ok(()) => break,
                            Err(SendTimeoutError::Timeout(back)) => message = back,
                            Err(SendTimeoutError::Closed(_)) => panic!("the receiver is there"),
                        }
                        csp::yield_now();
                    }
                }
            }
        });
        let mut ids = Vec::new();
        for round in 0.. {
            match rx.recv_timeout(Duration::from_micros(20 * (round % 7))) {
                Ok(message) => ids.push(message.id),
                Err(RecvTimeoutError::Timeout) => csp::yield_now(),
                Err(RecvTimeoutError::Closed) => break,
            }
        }
        sender.join();
        assert!(ids.into_iter().eq(0..N));
        assert_eq!((ledger.made(), ledger.live()), (N, 0));
    });
}

#[test]
fn iter_ends_with_the_channel() {
    everywhere(|peers| {
        let (tx, rx) = channel(2);
        let sender = peers.spawn(move || (0..20).for_each(|i| tx.send(i).unwrap()));
        assert!(rx.iter().eq(0..20));
        sender.join();
    });
}

#[test]
fn a_receiver_and_a_reference_to_one_iterate() {
    everywhere(|_| {
        let (tx, rx) = channel(4);
        (0..4).for_each(|i| tx.send(i).unwrap());
        let mut seen = Vec::new();
        for v in &rx {
            seen.push(v);
            if v == 1 {
                break;
            }
        }
        drop(tx);
        for v in rx {
            seen.push(v);
        }
        assert_eq!(seen, [0, 1, 2, 3]);
    });
}

#[test]
fn try_iter_takes_what_is_there_and_stops() {
    everywhere(|_| {
        let (tx, rx) = channel(4);
        (0..3).for_each(|i| tx.send(i).unwrap());
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(rx.try_iter().next(), None);
        tx.send(9).unwrap();
        assert_eq!(rx.try_iter().next(), Some(9));
    });
}

#[test]
fn dropping_a_consuming_iterator_drops_the_receiver() {
    everywhere(|_| {
        let (tx, rx) = channel(2);
        tx.send(1).unwrap();
        let mut values = rx.into_iter();
        assert_eq!(values.next(), Some(1));
        drop(values);
        assert_eq!(tx.send(2).unwrap_err().0, 2);
    });
}
