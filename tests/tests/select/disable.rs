//! How arms of a select are disabled, and what happens when none is left.

use csp::{Receiver, Sender, channel, select};
use csp_tests::{Ledger, everywhere};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn a_pattern_that_does_not_match_drops_the_message_and_waits_for_the_rest() {
    everywhere(|peers| {
        let ledger = Ledger::new(3);
        let (a_tx, a) = channel(1);
        let (b_tx, b) = channel(0);
        a_tx.send((1, ledger.message(0))).unwrap();
        let sender = peers.spawn({
            let ledger = ledger.clone();
            move || {
                csp_tests::until(|| ledger.live() == 0);
                b_tx.send(ledger.message(1)).unwrap();
            }
        });
        let id = select! {
            Some((2, message)) = <-a => message.id + 100,
            Some(message) = <-b => message.id,
        };
        sender.join();
        assert_eq!((id, ledger.live()), (1, 0));
    });
}

#[test]
fn a_failed_pattern_disables_its_arm_for_this_select_only() {
    everywhere(|_| {
        let (tx, rx) = channel(3);
        [1, 2, 3].into_iter().for_each(|v| tx.send(v).unwrap());
        let which = select! {
            Some(3) = <-rx => "three",
            default => "default",
        };
        assert_eq!((which, rx.len()), ("default", 2));
        assert_eq!(rx.recv(), Some(2));
        assert!(select! { Some(3) = <-rx => true, default => false });
    });
}

#[test]
fn a_pattern_that_does_not_match_moves_nothing_when_it_matches() {
    everywhere(|_| {
        let ledger = Ledger::new(1);
        let (tx, rx) = channel(1);
        tx.send(ledger.message(0)).unwrap();
        let kept = select! {
            Some(message) = <-rx => Some(message),
            else => None,
        };
        assert_eq!(
            (kept.map(|message| message.id), ledger.live()),
            (Some(0), 0)
        );
    });
}

#[test]
fn a_closed_channel_disables_its_some_arm_and_the_rest_goes_on() {
    everywhere(|peers| {
        let (a_tx, a) = channel::<u8>(0);
        let (b_tx, b) = channel(0);
        a_tx.close();
        let sender = peers.spawn(move || b_tx.send(5).unwrap());
        let got = select! {
            Some(_) = <-a => unreachable!(),
            Some(v) = <-b => v,
        };
        assert_eq!(got, 5);
        sender.join();
    });
}

#[test]
fn else_runs_when_every_arm_is_disabled() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(0);
        let none: Option<Receiver<u8>> = None;
        tx.close();
        let which = select! {
            Some(_) = <-rx => "some",
            _ = <-none => "none",
            _ = <-rx, if false => "if",
            else => "else",
        };
        assert_eq!(which, "else");
    });
}

#[test]
fn else_comes_before_default_and_default_serves_enabled_arms() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(0);
        let which = |enabled: bool| {
            select! {
                _ = <-rx, if enabled => "arm",
                default => "default",
                else => "else",
            }
        };
        assert_eq!((which(false), which(true)), ("else", "default"));
        drop(tx);
        assert_eq!(which(true), "arm");
    });
}

#[test]
fn default_runs_when_every_arm_is_disabled_and_there_is_no_else() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        tx.send(1).unwrap();
        let which = select! {
            Some(2) = <-rx => "two",
            default => "default",
        };
        assert_eq!((which, rx.len()), ("default", 0));
    });
}

#[test]
fn a_select_whose_last_pattern_failed_panics() {
    everywhere(|_| {
        let (tx, rx) = channel::<u8>(0);
        tx.close();
        let result = catch_unwind(AssertUnwindSafe(|| {
            select! { Some(_) = <-rx => {} }
        }));
        assert!(result.is_err());
    });
}

#[test]
fn none_is_never_ready_in_every_form() {
    everywhere(|_| {
        let no_rx: Option<Receiver<u8>> = None;
        let no_rx_ref: Option<&Receiver<u8>> = None;
        let no_tx: Option<Sender<u8>> = None;
        let no_tx_ref: Option<&Sender<u8>> = None;
        let which = select! {
            _ = <-no_rx => 1,
            _ = <-no_rx_ref => 2,
            no_tx <- 1 => 3,
            no_tx_ref <- 1 => 4,
            _ = <-None::<&Receiver<u8>> => 5,
            default => 6,
        };
        assert_eq!(which, 6);
    });
}

#[test]
fn some_and_plain_sources_work_in_every_form() {
    everywhere(|_| {
        let (tx, rx) = channel(8);
        let (some_tx, some_rx) = (Some(tx.clone()), Some(rx.clone()));
        select! { tx <- 1 => {} }
        select! { &tx <- 2 => {} }
        select! { some_tx <- 3 => {} }
        select! { some_tx.as_ref() <- 4 => {} }
        select! { Some(&tx) <- 5 => {} }
        let got = [
            select! { v = <-rx => v },
            select! { v = <-&rx => v },
            select! { v = <-some_rx => v },
            select! { v = <-some_rx.as_ref() => v },
            select! { v = <-Some(&rx) => v },
        ];
        assert_eq!(got, [1, 2, 3, 4, 5].map(Some));
    });
}

#[test]
fn a_body_may_set_its_own_source_to_none() {
    everywhere(|peers| {
        let (a_tx, a) = channel(0);
        let (b_tx, b) = channel(0);
        let senders = [(a_tx, 10), (b_tx, 20)].map(|(tx, base)| {
            peers.spawn(move || (0..base).for_each(|i| tx.send(base + i).unwrap()))
        });
        let (mut a, mut b) = (Some(a), Some(b));
        let mut sum = 0;
        loop {
            select! {
                v = <-a => match v {
                    Some(v) => sum += v,
                    None => a = None,
                },
                v = <-b => match v {
                    Some(v) => sum += v,
                    None => b = None,
                },
                else => break,
            }
        }
        assert_eq!(sum, (10..20).sum::<u32>() + (20..40).sum::<u32>());
        senders.into_iter().for_each(csp_tests::Peer::join);
    });
}

#[test]
fn timers_and_tickers_are_sources() {
    everywhere(|_| {
        let timer = csp::time::Timer::new(Duration::from_millis(2));
        let ticker = csp::time::Ticker::new(Duration::from_millis(1));
        let (mut fired, mut ticks) = (false, 0);
        while !fired || ticks < 3 {
            select! {
                Some(_) = <-&timer, if !fired => fired = true,
                Some(_) = <-&ticker => ticks += 1,
            }
        }
        assert!(!timer.stop());
        ticker.stop();
    });
}

#[test]
fn every_arm_disabled_without_default_and_without_a_failed_pattern_blocks() {
    everywhere(|_| {
        // The blocked one is left behind on purpose: nothing can ever wake it.
        let none: Option<Receiver<u8>> = None;
        let blocked = csp::go!({
            select! { _ = <-none => {} }
        });
        csp_tests::settle();
        assert!(!blocked.is_finished());
    });
}
