//! A channel without a limit, and the channel that is never ready.

use csp::{RecvTimeoutError, TryRecvError, never, select, unbounded};
use csp_tests::{everywhere, settle};
use std::time::Duration;

#[test]
fn sends_never_wait() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        for i in 0..5_000 {
            tx.try_send(i).unwrap();
        }
        assert_eq!((tx.len(), rx.len()), (5_000, 5_000));
        assert_eq!((tx.capacity(), rx.capacity()), (None, None));
        assert!(!tx.is_full() && !rx.is_full() && !tx.is_empty());
        drop(tx);
        assert!(rx.iter().eq(0..5_000));
    });
}

#[test]
fn recv_waits_for_a_value() {
    everywhere(|peers| {
        let (tx, rx) = unbounded();
        let receiver = peers.spawn(move || (rx.recv(), rx.recv(), rx.recv()));
        settle();
        tx.send(1).unwrap();
        tx.send(2).unwrap();
        drop(tx);
        assert_eq!(receiver.join(), (Some(1), Some(2), None));
    });
}

#[test]
fn it_reuses_its_memory_over_many_rounds_in_order() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        let (mut put, mut taken) = (0u32, 0u32);
        for round in 0..300 {
            for _ in 0..round % 67 {
                tx.send(put).unwrap();
                put += 1;
            }
            for _ in 0..round % 31 {
                match rx.try_recv() {
                    Ok(v) => assert_eq!(v, taken),
                    Err(error) => {
                        assert_eq!((error, put), (TryRecvError::Empty, taken));
                        break;
                    }
                }
                taken += 1;
            }
        }
        assert_eq!(rx.len(), (put - taken) as usize);
    });
}

#[test]
fn never_is_never_ready() {
    everywhere(|_| {
        let rx = never::<u8>();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(
            rx.recv_timeout(Duration::from_millis(5)),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!((rx.len(), rx.is_empty()), (0, true));
        let chosen = select! {
            _ = <-rx => "never",
            default => "default",
        };
        assert_eq!(chosen, "default");
    });
}

#[test]
fn a_clone_of_never_is_never_ready() {
    everywhere(|_| {
        let rx = never::<u8>();
        let clone = rx.clone();
        drop(rx);
        assert_eq!(clone.try_recv(), Err(TryRecvError::Empty));
    });
}
