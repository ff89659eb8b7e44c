//! Selects against each other and against plain operations: one winner on each side, never oneself.

use csp::{Select, channel, select};
use csp_tests::{everywhere, open, settle, until};
use std::time::Duration;

#[test]
fn two_selects_meet_both_ways() {
    everywhere(|peers| {
        const N: usize = 200;
        let (a_tx, a) = channel(0);
        let (b_tx, b) = channel(0);
        // Each side offers on one channel and takes from the other, so every meeting is of two selects.
        let side = |tx: csp::Sender<usize>, rx: csp::Receiver<usize>| {
            move || {
                let (mut sent, mut got) = (0, Vec::new());
                while sent < N || got.len() < N {
                    select! {
                        tx <- sent, if sent < N => sent += 1,
                        v = <-rx, if got.len() < N => got.push(v.unwrap()),
                    }
                }
                got
            }
        };
        let peer = peers.spawn(side(a_tx, b));
        let here = side(b_tx, a)();
        assert!(here.into_iter().eq(0..N));
        assert!(peer.join().into_iter().eq(0..N));
    });
}

#[test]
fn a_select_never_meets_itself() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let alone = select! {
            tx <- 1 => "sent",
            _ = <-rx => "received",
            default => "nobody",
        };
        assert_eq!(alone, "nobody");
        let timed = select! {
            tx <- 1 => "sent",
            _ = <-rx => "received",
            _ = <-csp::time::after(Duration::from_millis(2)) => "nobody",
        };
        assert_eq!(timed, "nobody");
        let peer = peers.spawn({
            let rx = rx.clone();
            move || rx.recv()
        });
        let met = select! {
            tx <- 1 => "sent",
            _ = <-rx => "received",
        };
        assert_eq!((met, peer.join()), ("sent", Some(1)));
    });
}

#[test]
fn selects_over_both_ends_of_one_channel_pair_up() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let both = |tx: csp::Sender<usize>, rx: csp::Receiver<usize>, me: usize| {
            move || {
                select! {
                    tx <- me => None,
                    v = <-rx => v,
                }
            }
        };
        for _ in 0..30 {
            let first = peers.spawn(both(tx.clone(), rx.clone(), 1));
            let second = peers.spawn(both(tx.clone(), rx.clone(), 2));
            match (first.join(), second.join()) {
                (Some(2), None) | (None, Some(1)) => {}
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn one_channel_in_several_arms_gives_each_message_once() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(2), None] {
            let (tx, rx) = open(flavour);
            let sender = peers.spawn(move || (0..100).for_each(|i| tx.send(i).unwrap()));
            let mut seen = Vec::new();
            loop {
                select! {
                    v = <-rx => match v { Some(v) => seen.push(v), None => break },
                    Some(v) = <-rx => seen.push(v),
                    Some(v) = <-rx, if seen.len() % 2 == 0 => seen.push(v),
                }
            }
            assert!(seen.into_iter().eq(0..100));
            sender.join();
        }
    });
}

#[test]
fn try_recv_takes_from_a_parked_select() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<()>(0);
        let peer = peers.spawn(move || {
            select! {
                tx <- 5 => true,
                _ = <-quiet => false,
            }
        });
        let mut got = None;
        until(|| {
            got = rx.try_recv().ok();
            got.is_some()
        });
        assert_eq!((got, peer.join()), (Some(5), true));
    });
}

#[test]
fn default_does_not_hide_a_parked_select() {
    everywhere(|peers| {
        // A poller with `default` must be able to meet a lazily evaluated send, whoever parks first.
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<()>(0);
        let peer = peers.spawn(move || {
            for i in 0..20 {
                select! {
                    tx <- i => {},
                    _ = <-quiet => unreachable!(),
                }
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 20 {
            select! {
                v = <-rx => seen.push(v.unwrap()),
                default => csp::yield_now(),
            }
        }
        assert!(seen.into_iter().eq(0..20));
        peer.join();
    });
}

#[test]
fn try_send_and_a_select_with_default_reach_a_parked_receive_arm() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<usize>(0);
        let peer = peers.spawn(move || {
            let mut seen = Vec::new();
            while seen.len() < 20 {
                select! {
                    v = <-rx => seen.push(v.unwrap()),
                    _ = <-quiet => unreachable!(),
                }
            }
            seen
        });
        for i in 0..20 {
            if i % 2 == 0 {
                until(|| tx.try_send(i).is_ok());
            } else {
                until(|| select! { tx <- i => true, default => false });
            }
        }
        assert!(peer.join().into_iter().eq(0..20));
    });
}

#[test]
fn a_close_wakes_every_kind_of_arm() {
    everywhere(|peers| {
        let (_quiet_tx, quiet) = channel::<u8>(0);
        let (closing, rx) = channel::<u8>(0);
        let (tx, _kept) = channel::<u8>(0);
        let closing_too = tx.clone();
        let waiters: Vec<_> = (0..8)
            .map(|i| {
                let (tx, rx, quiet) = (tx.clone(), rx.clone(), quiet.clone());
                peers.spawn(move || {
                    if i % 2 == 0 {
                        select! { v = <-rx => v.is_none(), _ = <-quiet => false }
                    } else {
                        select! { sent = tx <- 1 => sent.is_err(), _ = <-quiet => false }
                    }
                })
            })
            .collect();
        settle();
        closing.close();
        closing_too.close();
        assert!(waiters.into_iter().all(csp_tests::Peer::join));
    });
}

#[test]
fn a_message_sent_at_the_deadline_is_kept_or_returned() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let sender = peers.spawn(move || {
            let mut delivered = 0;
            for i in 0..100u64 {
                select! {
                    tx <- i => delivered += 1,
                    _ = <-csp::time::after(Duration::from_micros(i % 40)) => {},
                }
            }
            delivered
        });
        let mut received = 0;
        let mut round = 0;
        loop {
            round += 1;
            select! {
                v = <-rx => match v { Some(_) => received += 1, None => break },
                _ = <-csp::time::after(Duration::from_micros(round % 30)) => {},
            }
        }
        assert_eq!(sender.join(), received);
    });
}

#[test]
fn the_run_time_form_receives_and_sends() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let (back_tx, back) = channel(0);
        let peer =
            peers.spawn(move || (0..50).for_each(|_| back_tx.send(rx.recv().unwrap()).unwrap()));
        let (mut sent, mut got) = (0, Vec::new());
        while got.len() < 50 {
            let mut sel = Select::new();
            let receive = sel.recv(&back);
            let send = sel.send(&tx);
            assert_eq!((receive, send), (0, 1));
            let op = sel.wait();
            if op.index() == receive {
                got.push(op.recv(&back).unwrap());
            } else {
                assert_eq!(op.index(), send);
                op.send(&tx, sent).unwrap();
                sent += 1;
            }
        }
        assert!(got.into_iter().eq(0..50));
        peer.join();
    });
}

#[test]
fn the_run_time_form_tries_and_times_out() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        let mut sel = Select::new();
        sel.recv(&rx);
        assert!(sel.try_wait().is_none());
        let mut sel = Select::new();
        sel.recv(&rx);
        assert!(sel.wait_timeout(Duration::from_millis(2)).is_none());
        tx.send(3).unwrap();
        let mut sel = Select::new();
        sel.recv(&rx);
        let op = sel.wait_timeout(Duration::MAX).unwrap();
        assert_eq!(op.recv(&rx), Some(3));
    });
}

#[test]
fn the_run_time_form_has_no_limit_of_arms() {
    everywhere(|peers| {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..200).map(|_| channel(0)).unzip();
        let sender = peers.spawn(move || {
            txs[137].send(137).unwrap();
            txs
        });
        let mut sel = Select::new();
        rxs.iter().for_each(|rx| {
            sel.recv(rx);
        });
        let op = sel.wait();
        assert_eq!(op.index(), 137);
        assert_eq!(op.recv(&rxs[137]), Some(137));
        drop(sender.join());
    });
}
