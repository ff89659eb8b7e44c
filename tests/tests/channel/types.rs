//! The types around channels: auto traits, errors, and messages of every size and alignment.

use csp::{
    Receiver, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError, TrySendError,
};
use csp_tests::{Ledger, everywhere, open, settle, with_procs, within};
use std::cell::Cell;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::thread;
use std::time::Duration;

const FLAVOURS: [Option<usize>; 4] = [Some(0), Some(1), Some(3), None];

#[test]
fn both_ends_are_send_and_sync_for_send_messages() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    // A message needs no Sync: it is moved, never shared.
    shared::<Sender<Cell<u8>>>();
    shared::<Receiver<Cell<u8>>>();
}

#[test]
fn errors_read_well_and_give_the_value_back() {
    fn reads_well(error: &(dyn Error + 'static)) {
        let text = error.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text:?}");
        assert_eq!(text, text.to_lowercase());
        assert!(!format!("{error:?}").is_empty());
    }
    reads_well(&SendError(1));
    reads_well(&TrySendError::Full(1));
    reads_well(&TrySendError::Closed(1));
    reads_well(&SendTimeoutError::Timeout(1));
    reads_well(&SendTimeoutError::Closed(1));
    reads_well(&TryRecvError::Empty);
    reads_well(&TryRecvError::Closed);
    reads_well(&RecvTimeoutError::Timeout);
    reads_well(&RecvTimeoutError::Closed);
    assert_eq!(SendError("v").into_inner(), "v");
    assert_eq!(TrySendError::Full("v").into_inner(), "v");
    assert_eq!(TrySendError::Closed("v").into_inner(), "v");
    assert_eq!(SendTimeoutError::Timeout("v").into_inner(), "v");
    assert_eq!(SendTimeoutError::Closed("v").into_inner(), "v");
}

#[test]
fn send_errors_need_no_debug_message() {
    struct Opaque;
    let (tx, rx) = csp::channel(1);
    drop(rx);
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| tx.send(Opaque).unwrap()));
    assert!(result.is_err());
}

#[test]
fn messages_without_size_are_counted() {
    everywhere(|peers| {
        for flavour in FLAVOURS {
            let (tx, rx) = open(flavour);
            let sender = peers.spawn(move || (0..100).for_each(|_| tx.send(()).unwrap()));
            assert_eq!(rx.iter().count(), 100);
            sender.join();
        }
    });
}

#[test]
fn messages_keep_an_alignment_of_64() {
    #[repr(align(64))]
    struct Aligned(u64);
    everywhere(|peers| {
        for flavour in FLAVOURS {
            let (tx, rx) = open(flavour);
            let sender = peers.spawn(move || (0..20).for_each(|i| tx.send(Aligned(i)).unwrap()));
            for (i, message) in rx.iter().enumerate() {
                assert_eq!((&raw const message).addr() % 64, 0);
                assert_eq!(message.0, i as u64);
            }
            sender.join();
        }
    });
}

/// A message of `N` bytes, all set to its number.
fn large<const N: usize>(flavour: Option<usize>) -> impl FnOnce() + Send + 'static {
    move || {
        let (tx, rx) = open::<[u8; N]>(flavour);
        let sender = csp::Builder::new()
            .name("large")
            .stack_size(64 << 20)
            .spawn(move || (0..3).for_each(|i| tx.send([i; N]).unwrap()))
            .unwrap();
        settle();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for message in &rx {
            first.push(message[0]);
            last.push(message[N - 1]);
        }
        assert_eq!((first, last), (vec![0, 1, 2], vec![0, 1, 2]));
        sender.join().unwrap();
    }
}

#[test]
fn messages_of_a_mebibyte_pass_through_large_stacks() {
    with_procs(&[1, 2], |_| {
        within(csp_tests::LIMIT, || {
            for flavour in FLAVOURS {
                let body = large::<{ 1 << 20 }>(flavour);
                thread::Builder::new()
                    .stack_size(64 << 20)
                    .spawn(body)
                    .unwrap()
                    .join()
                    .unwrap();
                let body = large::<{ 1 << 20 }>(flavour);
                csp::Builder::new()
                    .stack_size(64 << 20)
                    .spawn(body)
                    .unwrap()
                    .join()
                    .unwrap();
            }
        });
    });
}

#[test]
fn boxed_mebibytes_pass_through_default_stacks() {
    everywhere(|peers| {
        for flavour in FLAVOURS {
            let (tx, rx) = open(flavour);
            let sender = peers.spawn(move || {
                for i in 0..4u8 {
                    tx.send(vec![i; 1 << 20].into_boxed_slice()).unwrap();
                }
            });
            for (i, message) in rx.iter().enumerate() {
                assert_eq!((message.len(), message[1 << 19]), (1 << 20, i as u8));
            }
            sender.join();
        }
    });
}

#[test]
fn received_messages_drop_once() {
    everywhere(|peers| {
        for flavour in FLAVOURS {
            let ledger = Ledger::new(50);
            let (tx, rx) = open(flavour);
            let sender = peers.spawn({
                let ledger = ledger.clone();
                move || (0..50).for_each(|id| tx.send(ledger.message(id)).unwrap())
            });
            assert!(rx.iter().map(|message| message.id).eq(0..50));
            sender.join();
            assert_eq!(ledger.live(), 0);
        }
    });
}

#[test]
fn buffered_messages_drop_with_the_channel() {
    everywhere(|_| {
        for (flavour, n) in [(Some(3), 3), (Some(64), 40), (None, 100)] {
            let ledger = Ledger::new(n);
            let (tx, rx) = open(flavour);
            (0..n).for_each(|id| tx.send(ledger.message(id)).unwrap());
            drop(rx.recv());
            assert_eq!(ledger.live(), n - 1);
            tx.close();
            drop(tx);
            drop(rx);
            assert_eq!(ledger.live(), 0);
        }
    });
}

#[test]
fn refused_messages_drop_with_their_errors() {
    everywhere(|peers| {
        let ledger = Ledger::new(5);
        let (tx, rx) = csp::channel(0);
        drop(tx.try_send(ledger.message(0)));
        drop(tx.send_timeout(ledger.message(1), Duration::ZERO));
        let blocked = peers.spawn({
            let (tx, message) = (tx.clone(), ledger.message(2));
            move || tx.send(message)
        });
        settle();
        assert_eq!(ledger.live(), 1);
        drop(rx);
        let error = blocked.join().unwrap_err();
        assert_eq!((error.0.id, ledger.live()), (2, 1));
        drop(error);
        drop(tx.send(ledger.message(3)));
        drop(tx.try_send(ledger.message(4)));
        assert_eq!((ledger.made(), ledger.live()), (5, 0));
    });
}

#[test]
fn messages_that_hold_their_own_channel_can_be_dropped() {
    // Dropping the message drops a sender of the channel that is being torn down: no lock may be held there.
    struct Knot(Sender<Knot>);
    everywhere(|_| {
        for flavour in [Some(2), None] {
            let (tx, rx) = open(flavour);
            tx.send(Knot(tx.clone())).unwrap();
            tx.send(Knot(tx.clone())).unwrap();
            drop(tx);
            assert!(!rx.recv().unwrap().0.is_closed());
            drop(rx);
        }
    });
}
