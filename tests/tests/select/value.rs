//! The send arms of select: when VALUE is evaluated, and what happens if it does not come to an end.

use csp::{channel, select};
use csp_tests::{Ledger, Peers, everywhere, open, settle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A value that never comes to be.
fn no_value<T>(why: &str) -> T {
    panic!("{why}")
}

#[test]
fn value_is_not_evaluated_if_its_arm_is_not_chosen() {
    everywhere(|_| {
        let (tx, _rx) = channel::<u8>(0);
        let (full, _full_rx) = channel(1);
        full.send(0).unwrap();
        let took_default = select! {
            tx <- no_value("nobody receives") => false,
            full <- no_value("the buffer is full") => false,
            default => true,
        };
        assert!(took_default);
    });
}

#[test]
fn a_value_that_cannot_be_copied_survives_a_loop_of_selects() {
    everywhere(|peers| {
        let (tx, rx) = channel::<String>(0);
        let (tick_tx, tick) = channel::<()>(0);
        let peer = peers.spawn(move || {
            for _ in 0..5 {
                tick_tx.send(()).unwrap();
            }
            rx.recv()
        });
        let message = String::from("kept");
        let mut ticks = 0;
        loop {
            select! {
                tx <- message => break,
                Some(()) = <-tick => ticks += 1,
            }
        }
        assert_eq!((ticks, peer.join().as_deref()), (5, Some("kept")));
    });
}

#[test]
fn a_blocked_select_evaluates_value_once_when_the_receiver_comes() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<()>(0);
        let receiver = peers.spawn(move || {
            settle();
            rx.recv()
        });
        let mut evaluated = 0;
        select! {
            _ = <-quiet => unreachable!(),
            tx <- { evaluated += 1; evaluated } => {},
        }
        assert_eq!((receiver.join(), evaluated), (Some(1), 1));
    });
}

/// Starts a receiver that waits in `recv`, or in a select.
fn receiver(peers: Peers, rx: csp::Receiver<u32>, in_select: bool) -> csp_tests::Peer<Option<u32>> {
    peers.spawn(move || {
        if !in_select {
            return rx.recv();
        }
        let (_quiet_tx, quiet) = channel::<u32>(0);
        select! {
            v = <-quiet => v,
            v = <-rx => v,
        }
    })
}

#[test]
fn a_value_that_panics_leaves_the_receiver_waiting_for_another_sender() {
    everywhere(|peers| {
        for in_select in [false, true] {
            let (tx, rx) = channel(0);
            let waiting = receiver(peers, rx, in_select);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                select! { tx <- no_value("on purpose") => {} }
            }));
            assert!(panicked.is_err());
            assert!(!waiting.is_finished());
            tx.send(5).unwrap();
            assert_eq!(waiting.join(), Some(5));
        }
    });
}

#[test]
fn a_value_that_breaks_leaves_the_receiver_waiting_for_another_sender() {
    everywhere(|peers| {
        for in_select in [false, true] {
            let (tx, rx) = channel(0);
            let waiting = receiver(peers, rx, in_select);
            let stop = std::hint::black_box(true);
            let mut sent = 0;
            loop {
                select! {
                    tx <- if stop { break } else { 1 } => sent += 1,
                }
            }
            assert!(sent == 0 && !waiting.is_finished());
            tx.send(6).unwrap();
            assert_eq!(waiting.join(), Some(6));
        }
    });
}

#[test]
fn a_value_that_returns_with_a_question_mark_leaves_the_receiver_waiting() {
    fn offer(tx: &csp::Sender<u32>, value: Result<u32, String>) -> Result<(), String> {
        select! {
            tx <- value? => Ok(()),
        }
    }
    everywhere(|peers| {
        for in_select in [false, true] {
            let (tx, rx) = channel(0);
            let waiting = receiver(peers, rx, in_select);
            assert_eq!(offer(&tx, Err("none".into())), Err("none".into()));
            assert!(!waiting.is_finished());
            assert_eq!(offer(&tx, Ok(7)), Ok(()));
            assert_eq!(waiting.join(), Some(7));
        }
    });
}

#[test]
fn an_undone_send_leaves_the_buffer_as_it_was() {
    everywhere(|_| {
        for flavour in [Some(1), Some(2), None] {
            let (tx, rx) = open(flavour);
            for _ in 0..5 {
                let broke = 'select: {
                    select! { tx <- if std::hint::black_box(true) { break 'select true } else { 1 } => {} }
                    false
                };
                assert!(broke && rx.is_empty());
                assert!(rx.try_recv().is_err());
            }
            tx.try_send(2).unwrap();
            assert_eq!(rx.try_recv(), Ok(2));
        }
    });
}

#[test]
fn an_undone_send_does_not_strand_a_waiting_receiver_of_a_buffered_channel() {
    everywhere(|peers| {
        for flavour in [Some(1), None] {
            let (tx, rx) = open(flavour);
            let waiting = receiver(peers, rx, false);
            settle();
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                select! { tx <- no_value("on purpose") => {} }
            }));
            assert!(panicked.is_err());
            tx.send(8).unwrap();
            assert_eq!(waiting.join(), Some(8));
        }
    });
}

#[test]
fn receivers_of_an_undone_send_see_a_later_close() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let waiting = receiver(peers, rx, false);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            select! { tx <- no_value("on purpose") => {} }
        }));
        assert!(panicked.is_err());
        tx.close();
        assert_eq!(waiting.join(), None);
    });
}

#[test]
fn every_second_value_failing_loses_no_message() {
    const N: usize = 200;
    everywhere(|peers| {
        let ledger = Ledger::new(N);
        let failed = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = channel::<csp_tests::Counted>(0);
        let receiver = peers.spawn(move || {
            let (_quiet_tx, quiet) = channel::<()>(0);
            let mut ids = Vec::new();
            loop {
                select! {
                    _ = <-quiet => unreachable!(),
                    message = <-rx => match message {
                        Some(message) => ids.push(message.id),
                        None => break ids,
                    },
                }
            }
        });
        for id in 0..N {
            let broke = 'select: {
                select! {
                    tx <- if id % 2 == 0 { break 'select true } else { ledger.message(id) } => {}
                }
                false
            };
            failed.fetch_add(usize::from(broke), Ordering::Relaxed);
        }
        drop(tx);
        assert!(
            receiver
                .join()
                .into_iter()
                .eq((0..N).filter(|id| id % 2 == 1))
        );
        assert_eq!(
            (failed.load(Ordering::Relaxed), ledger.made(), ledger.live()),
            (N / 2, N / 2, 0)
        );
    });
}

#[test]
fn a_send_arm_panics_on_a_closed_channel() {
    everywhere(|_| {
        for flavour in [Some(0), Some(1), None] {
            let (tx, rx) = open(flavour);
            tx.close();
            assert_send_panics(&tx);
            drop(rx);
            let (tx, rx) = open(flavour);
            drop(rx);
            assert_send_panics(&tx);
        }
    });
}

fn assert_send_panics(tx: &csp::Sender<u32>) {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        select! { tx <- 1 => {} }
    }));
    let payload = panicked.unwrap_err();
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    assert_eq!(text.as_deref(), Some("send on closed channel"));
}

#[test]
fn a_blocked_send_arm_panics_when_its_channel_closes() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let closer = peers.spawn({
            let tx = tx.clone();
            move || {
                settle();
                tx.close();
            }
        });
        assert_send_panics(&tx);
        closer.join();
        drop(rx);
    });
}

#[test]
fn a_result_arm_gives_the_value_back_instead() {
    everywhere(|_| {
        for flavour in [Some(0), Some(1), None] {
            let (tx, rx) = open(flavour);
            drop(rx);
            let error = select! {
                sent = tx <- String::from("mine") => sent.unwrap_err(),
            };
            assert_eq!(error.into_inner(), "mine");
        }
        let (tx, rx) = channel(1);
        assert!(select! { sent = tx <- 4 => sent.is_ok() });
        assert_eq!(rx.recv(), Some(4));
    });
}

#[test]
fn a_blocked_result_arm_reports_the_close() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<()>(0);
        let dropper = peers.spawn(move || {
            settle();
            drop(rx);
        });
        let sent = select! {
            _ = <-quiet => unreachable!(),
            sent = tx <- 9 => sent,
        };
        assert_eq!(sent.unwrap_err().0, 9);
        dropper.join();
    });
}
