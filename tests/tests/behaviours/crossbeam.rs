//! What the documentation of crossbeam-channel promises and no other file here tests.
//!
//! `docs/behaviours.md` has the whole table: each promise, what it is here, and the test that shows it. Where this
//! library does otherwise on purpose, the test shows what it does.

use csp::time::{sleep, tick};
use csp::{
    Receiver, RecvTimeoutError, Select, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, after, channel, never, scope, select, unbounded,
};
use csp_tests::{Ledger, Peer, everywhere, open, settle, until};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_message_goes_from_one_end_to_the_other() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        tx.send("hello").unwrap();
        assert_eq!(rx.recv(), Some("hello"));
    });
}

#[test]
fn clones_are_handles_to_one_stream_of_messages() {
    everywhere(|_| {
        for flavour in [Some(3), None] {
            let (tx, rx) = open(flavour);
            let (txs, rxs) = ([tx.clone(), tx.clone(), tx], [rx.clone(), rx.clone(), rx]);
            for (n, tx) in txs.iter().enumerate() {
                tx.send(n).unwrap();
            }
            // Received through other handles than they were sent beside, in the order they were sent.
            assert_eq!(
                [2, 0, 1].map(|end: usize| rxs[end].recv()),
                [0, 1, 2].map(Some)
            );
        }
    });
}

#[test]
fn clones_of_both_ends_may_be_on_both_sides() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let peer = peers.spawn({
            let (tx, rx) = (tx.clone(), rx.clone());
            move || {
                assert_eq!(rx.recv(), Some(1));
                tx.send(2).unwrap();
            }
        });
        tx.send(1).unwrap();
        assert_eq!(rx.recv(), Some(2));
        peer.join();
    });
}

#[test]
fn both_ends_may_be_shared_by_reference() {
    everywhere(|_| {
        let (tx, rx) = channel(0);
        thread::scope(|s| {
            s.spawn(|| tx.send(1).unwrap());
            assert_eq!(csp::blocking(|| rx.recv()), Some(1));
        });
        scope(|s| {
            csp::go!(in s, ref(tx) => tx.send(2).unwrap());
            assert_eq!(rx.recv(), Some(2));
        });
    });
}

#[test]
fn every_message_reaches_exactly_one_receiver() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(2), None] {
            let (tx, rx) = open::<usize>(flavour);
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let rx = rx.clone();
                    peers.spawn(move || rx.iter().collect::<Vec<_>>())
                })
                .collect();
            (0..90).for_each(|n| tx.send(n).unwrap());
            drop(tx);
            let mut seen = receivers
                .into_iter()
                .flat_map(Peer::join)
                .collect::<Vec<_>>();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..90));
        }
    });
}

#[test]
fn a_huge_capacity_takes_memory_only_as_it_fills() {
    everywhere(|_| {
        let (tx, rx) = channel(usize::MAX / 2);
        assert_eq!(tx.capacity(), Some(usize::MAX / 2));
        tx.send([1u8; 64]).unwrap();
        assert_eq!((rx.len(), rx.is_full()), (1, false));
    });
}

#[test]
fn every_channel_tells_its_length_and_capacity() {
    everywhere(|_| {
        let numbers = |tx: &Sender<u8>, rx: &Receiver<u8>| {
            let of_tx = (tx.len(), tx.capacity(), tx.is_empty(), tx.is_full());
            assert_eq!(
                of_tx,
                (rx.len(), rx.capacity(), rx.is_empty(), rx.is_full())
            );
            of_tx
        };
        let (tx, rx) = channel(0);
        assert_eq!(numbers(&tx, &rx), (0, Some(0), true, true));
        let (tx, rx) = channel(2);
        assert_eq!(numbers(&tx, &rx), (0, Some(2), true, false));
        tx.send(1).unwrap();
        assert_eq!(numbers(&tx, &rx), (1, Some(2), false, false));
        tx.send(2).unwrap();
        assert_eq!(numbers(&tx, &rx), (2, Some(2), false, true));
        let (tx, rx) = unbounded();
        (0..200).for_each(|n| tx.send(n).unwrap());
        assert_eq!(numbers(&tx, &rx), (200, None, false, false));
    });
}

#[test]
fn a_waiting_sender_is_not_in_the_length() {
    everywhere(|peers| {
        let (tx, rx) = channel(1);
        let sender = peers.spawn(move || (0..3).for_each(|n| tx.send(n).unwrap()));
        until(|| rx.is_full());
        settle();
        assert_eq!(rx.len(), 1);
        assert!(rx.iter().eq(0..3));
        sender.join();
    });
}

#[test]
fn the_last_receiver_takes_what_is_buffered_with_it() {
    everywhere(|_| {
        for flavour in [Some(4), None] {
            let ledger = Ledger::new(4);
            let (tx, rx) = open(flavour);
            (0..4).for_each(|id| tx.send(ledger.message(id)).unwrap());
            let second = rx.clone();
            drop(rx);
            assert_eq!(ledger.live(), 4);
            drop(second);
            // At once, although the sender is still there.
            assert_eq!((ledger.live(), tx.len()), (0, 0));
        }
    });
}

#[test]
fn a_sender_gone_and_a_close_look_the_same_to_receivers() {
    everywhere(|_| {
        for end in [drop::<Sender<i32>>, |tx: Sender<i32>| tx.close()] {
            let (tx, rx) = unbounded();
            (0..3).for_each(|n| tx.send(n).unwrap());
            end(tx);
            assert!(!rx.is_empty());
            assert!(rx.iter().eq(0..3));
            assert!(rx.is_empty() && rx.is_closed());
            assert_eq!(rx.recv(), None);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
            assert_eq!(rx.recv_timeout(HOUR), Err(RecvTimeoutError::Closed));
        }
    });
}

#[test]
fn a_deadline_is_a_timeout_of_what_is_left() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        let past = Instant::now();
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        assert_eq!(rx.recv_timeout(left(past)), Err(RecvTimeoutError::Timeout));
        // A time that is up hinders nothing that can be done at once.
        assert_eq!(tx.send_timeout(1, left(past)), Ok(()));
        assert_eq!(rx.recv_timeout(left(past)), Ok(1));
        let ahead = Instant::now() + 3 * MS;
        assert_eq!(rx.recv_timeout(left(ahead)), Err(RecvTimeoutError::Timeout));
        assert!(Instant::now() >= ahead);
    });
}

#[test]
fn iterators_stay_at_their_end() {
    everywhere(|_| {
        let (tx, rx) = channel(2);
        tx.send(1).unwrap();
        let mut trying = rx.try_iter();
        assert_eq!((trying.next(), trying.next()), (Some(1), None));
        tx.send(2).unwrap();
        assert_eq!(trying.next(), Some(2), "more came");
        tx.send(3).unwrap();
        drop(tx);
        let mut waiting = rx.iter();
        assert_eq!(
            (waiting.next(), waiting.next(), waiting.next()),
            (Some(3), None, None)
        );
        let mut owning = rx.into_iter();
        assert_eq!((owning.next(), owning.next()), (None, None));
    });
}

#[test]
fn an_after_channel_holds_one_message_and_never_closes() {
    everywhere(|_| {
        let rx = after(3 * MS);
        assert_eq!((rx.capacity(), rx.is_closed()), (Some(1), false));
        until(|| rx.len() == 1);
        assert!(rx.is_full());
        assert!(rx.recv().is_some());
        assert_eq!((rx.len(), rx.is_closed()), (0, false));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(MS), Err(RecvTimeoutError::Timeout));
        let far = after(HOUR);
        assert_eq!((far.len(), far.is_full()), (0, false));
    });
}

#[test]
fn the_message_of_after_is_when_it_was_due_not_when_it_was_received() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = after(2 * MS);
        until(|| !rx.is_empty());
        let due = Instant::now();
        sleep(2 * MS);
        let at = rx.recv().unwrap();
        assert!(start + 2 * MS <= at && at <= due);
    });
}

#[test]
fn clones_of_an_after_channel_share_its_one_message() {
    everywhere(|peers| {
        let rx = after(MS);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                peers.spawn(move || rx.recv_timeout(8 * MS).is_ok())
            })
            .collect();
        let got = receivers.into_iter().map(Peer::join).filter(|got| *got);
        // None if the machine held all of them up beyond their time.
        assert_eq!(got.count() + rx.len(), 1);
    });
}

#[test]
fn an_instant_that_is_past_is_an_after_of_nothing() {
    everywhere(|_| {
        let past = Instant::now();
        let rx = after(past.saturating_duration_since(Instant::now()));
        assert!(rx.try_recv().is_ok());
        assert!(rx.try_recv().is_err());
    });
}

#[test]
fn a_tick_channel_holds_one_message_and_never_closes() {
    everywhere(|_| {
        let rx = tick(MS);
        assert_eq!((rx.capacity(), rx.is_closed()), (Some(1), false));
        until(|| !rx.is_empty());
        sleep(5 * MS);
        assert_eq!((rx.len(), rx.is_full()), (1, true));
        let (first, second) = (rx.recv().unwrap(), rx.recv().unwrap());
        assert!(second >= first + MS, "ticks in between were dropped");
        let other = rx.clone();
        drop(rx);
        assert!(other.recv().unwrap() > second);
    });
}

#[test]
fn a_never_channel_is_empty_and_full_and_never_closes() {
    everywhere(|_| {
        let rx = never::<u8>();
        assert_eq!((rx.len(), rx.capacity()), (0, Some(0)));
        assert!(rx.is_empty() && rx.is_full() && !rx.is_closed());
        rx.close();
        assert!(!rx.is_closed());
        assert_eq!(rx.recv_timeout(MS), Err(RecvTimeoutError::Timeout));
    });
}

#[test]
fn a_timeout_may_be_optional() {
    fn first(rx: &Receiver<u8>, limit: Option<Duration>) -> Option<u8> {
        let timeout = limit.map_or_else(never, after);
        select! {
            value = <-rx => value,
            _ = <-timeout => None,
        }
    }
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        assert_eq!(first(&rx, Some(2 * MS)), None);
        let peer = peers.spawn(move || tx.send(5).unwrap());
        assert_eq!(first(&rx, None), Some(5));
        peer.join();
    });
}

#[test]
fn what_would_fail_is_ready_too() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(1);
        rx.close();
        select! {
            got = <-rx => assert_eq!(got, None),
            default => panic!("a closed channel is ready"),
        }
        select! {
            sent = tx <- 1 => assert_eq!(sent, Err(SendError(1))),
            default => panic!("a closed channel is ready"),
        }
        let mut select = Select::new();
        let (send, recv) = (select.send(&tx), select.recv(&rx));
        for _ in 0..20 {
            let op = select.try_wait().expect("both are ready");
            match op.index() {
                index if index == send => assert_eq!(op.send(&tx, 2), Err(SendError(2))),
                index => assert_eq!((index, op.recv(&rx)), (recv, None)),
            }
        }
    });
}

#[test]
fn the_run_time_form_counts_its_operations_and_can_be_used_again() {
    everywhere(|_| {
        let (tx, rx) = channel(2);
        let (idle_tx, idle) = channel::<()>(0);
        let mut select = Select::new();
        assert_eq!(
            [select.recv(&idle), select.recv(&rx), select.recv(&rx)],
            [0, 1, 2]
        );
        assert!(select.try_wait().is_none());
        for n in 0..10 {
            tx.send(n).unwrap();
            let op = select.wait();
            assert!(op.index() == 1 || op.index() == 2);
            assert_eq!(op.recv(&rx), Some(n));
        }
        drop(idle_tx);
        let op = select.wait();
        assert_eq!(op.index(), 0, "closed, hence ready");
        assert_eq!(op.recv(&idle), None);
    });
}

#[test]
fn the_run_time_form_chooses_among_ready_operations_at_random() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        (0..400).for_each(|n| tx.send(n).unwrap());
        let mut select = Select::new();
        select.send(&tx);
        select.recv(&rx);
        let mut chosen = BTreeSet::new();
        for _ in 0..200 {
            let op = select.wait();
            chosen.insert(op.index());
            match op.index() {
                0 => op.send(&tx, 0).unwrap(),
                _ => drop(op.recv(&rx).unwrap()),
            }
        }
        assert_eq!(chosen, BTreeSet::from([0, 1]));
    });
}

#[test]
fn a_run_time_select_without_operations_only_times_out() {
    everywhere(|_| {
        let mut select = Select::new();
        assert!(select.try_wait().is_none());
        let start = Instant::now();
        assert!(select.wait_timeout(3 * MS).is_none());
        assert!(start.elapsed() >= 3 * MS);
    });
}

#[test]
fn operations_are_left_out_by_making_a_select_without_them() {
    everywhere(|_| {
        // Takes everything from receivers that close one after the other.
        let mut open: Vec<_> = (0..4)
            .map(|n| {
                let (tx, rx) = unbounded();
                (0..n).for_each(|i| tx.send(10 * n + i).unwrap());
                rx
            })
            .collect();
        let mut seen = BTreeSet::new();
        while !open.is_empty() {
            let mut select = Select::new();
            for rx in &open {
                select.recv(rx);
            }
            let op = select.wait();
            let index = op.index();
            match op.recv(&open[index]) {
                Some(value) => assert!(seen.insert(value)),
                None => drop(open.swap_remove(index)),
            }
        }
        assert_eq!(seen, BTreeSet::from([10, 20, 21, 30, 31, 32]));
    });
}

#[test]
fn a_selected_operation_must_be_completed_as_what_it_is() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        let (_other_tx, other) = channel::<u8>(1);
        tx.send(1).unwrap();
        let mut select = Select::new();
        select.recv(&rx);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(select.wait())));
        assert!(dropped.is_err());
        tx.try_send(2)
            .unwrap_or_else(|error| assert!(error.is_full()));
        let wrong_channel = catch_unwind(AssertUnwindSafe(|| select.wait().recv(&other)));
        assert!(wrong_channel.is_err());
        tx.try_send(3)
            .unwrap_or_else(|error| assert!(error.is_full()));
        let wrong_way = catch_unwind(AssertUnwindSafe(|| select.wait().send(&tx, 4)));
        assert!(wrong_way.is_err());
    });
}

#[test]
fn errors_tell_what_happened_and_convert() {
    assert_eq!(TrySendError::from(SendError(1)), TrySendError::Closed(1));
    assert_eq!(
        SendTimeoutError::from(SendError(1)),
        SendTimeoutError::Closed(1)
    );
    let (full, closed) = (TrySendError::Full(()), TrySendError::Closed(()));
    assert!(full.is_full() && !full.is_closed() && closed.is_closed() && !closed.is_full());
    let (late, closed) = (SendTimeoutError::Timeout(()), SendTimeoutError::Closed(()));
    assert!(late.is_timeout() && !late.is_closed() && closed.is_closed() && !closed.is_timeout());
    let copy = SendError(7);
    assert_eq!((copy, copy.into_inner()), (SendError(7), 7));
}

#[test]
fn both_ends_and_iterators_print_and_are_unwind_safe() {
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    unwind_safe::<Sender<&mut u8>>();
    unwind_safe::<Receiver<&mut u8>>();
    struct Opaque;
    let (tx, rx) = channel::<Opaque>(1);
    for text in [
        format!("{tx:?}"),
        format!("{rx:?}"),
        format!("{:?}", rx.iter()),
        format!("{:?}", rx.try_iter()),
        format!("{:?}", Select::new()),
    ] {
        assert!(!text.is_empty());
    }
}
