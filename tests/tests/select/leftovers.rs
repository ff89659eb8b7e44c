//! What is left over when a select's operation ends in an unusual way: closed meanwhile, forgotten, withdrawn, unwinding.

use csp::{Select, channel, go, never, select};
use csp_tests::{LIMIT, Ledger, everywhere, settle, until, with_procs, within};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A value that never comes to be.
fn no_value() -> u8 {
    panic!("no value")
}

#[test]
fn a_close_while_a_value_is_made_ends_every_other_receive() {
    everywhere(|peers| {
        let (tx, rx) = channel::<u8>(1);
        let receivers = AtomicUsize::new(0);
        let mut waiting = Vec::new();
        select! {
            tx <- {
                for _ in 0..3 {
                    let rx = rx.clone();
                    waiting.push(peers.spawn(move || rx.recv()));
                }
                settle();
                tx.close();
                receivers.fetch_add(3, Ordering::Relaxed);
                7
            } => {}
        }
        let mut got: Vec<_> = waiting.into_iter().map(|peer| peer.join()).collect();
        got.sort();
        // The sender is still there: nothing but the close ends the two receives.
        assert_eq!(got, [None, None, Some(7)]);
        assert_eq!(receivers.into_inner(), 3);
        drop(tx);
    });
}

#[test]
fn a_select_can_be_used_again_after_a_forgotten_send() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(2);
        let mut select = Select::new();
        select.send(&tx);
        std::mem::forget(select.wait());
        select.wait().send(&tx, 1).unwrap();
        assert_eq!(rx.recv(), Some(1));
        // The place that the forgotten operation had reserved is free again.
        assert_eq!((tx.try_send(2), tx.try_send(3)), (Ok(()), Ok(())));
    });
}

#[test]
fn a_select_can_be_used_again_after_a_send_to_the_wrong_channel() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(0);
        let (other, _other_rx) = channel::<u8>(1);
        let handle = go!({ rx.recv() });
        let mut select = Select::new();
        select.send(&tx);
        let wrong = catch_unwind(AssertUnwindSafe(|| select.wait().send(&other, 1)));
        assert!(wrong.is_err());
        select.wait().send(&tx, 2).unwrap();
        assert_eq!(handle.join().unwrap(), Some(2));
    });
}

#[test]
fn a_select_that_is_not_used_again_lets_go_of_its_channels() {
    everywhere(|_| {
        let mut select = Select::new();
        let (tx, rx) = channel(1);
        let index = select.send(&tx);
        let op = select.wait();
        assert_eq!(op.index(), index);
        op.send(&tx, 1).unwrap();
        // Moved away while `select` is still in scope.
        let handle = go!(tx.send(2));
        assert_eq!((rx.recv(), rx.recv()), (Some(1), Some(2)));
        handle.join().unwrap().unwrap();
    });
}

#[test]
fn a_forgotten_receive_drops_its_message_once() {
    everywhere(|_| {
        let ledger = Ledger::new(2);
        let (tx, rx) = channel(2);
        tx.send(ledger.message(0)).unwrap();
        tx.send(ledger.message(1)).unwrap();
        {
            let mut select = Select::new();
            select.recv(&rx);
            std::mem::forget(select.wait());
            assert!(select.wait().recv(&rx).is_some());
        }
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn a_receiver_let_down_by_a_select_stays_first_in_line() {
    // All on one P, where a goroutine that yields lets the others run until they wait.
    with_procs(&[1], |_| {
        within(LIMIT, || go!(let_down_the_first()).join().unwrap());
    });
}

fn let_down_the_first() {
    let (tx, rx) = channel::<u8>(0);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let handle = go!(clone(rx) => {
                select! {
                    Some(v) = <-rx => v,
                    _ = <-never::<()>() => unreachable!(),
                }
            });
            settle();
            handle
        })
        .collect();
    let let_down = catch_unwind(AssertUnwindSafe(|| {
        select! { tx <- no_value() => {} }
    }));
    assert!(let_down.is_err());
    settle();
    tx.send(10).unwrap();
    tx.send(20).unwrap();
    let got: Vec<_> = waiting.into_iter().map(|h| h.join().unwrap()).collect();
    assert_eq!(got, [10, 20]);
}

#[test]
fn a_destructor_that_waits_for_ever_leaves_no_panic_behind() {
    struct Stuck(Arc<AtomicUsize>);
    impl Drop for Stuck {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            let _ = never::<()>().recv();
        }
    }
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let stuck = Arc::new(AtomicUsize::new(0));
            go!(clone(stuck) => {
                let _stuck = Stuck(stuck);
                panic!("on purpose");
            });
            until(|| stuck.load(Ordering::SeqCst) == 1);
            for _ in 0..20 {
                assert!(!go!({ std::thread::panicking() }).join().unwrap());
            }
        });
    });
}
