//! Which arm a select takes, and what it evaluates, when.

use csp::{channel, select, unbounded};
use csp_tests::everywhere;
use std::cell::RefCell;
use std::time::Duration;

#[test]
fn ready_arms_are_chosen_uniformly() {
    // Once is enough for statistics: 60,000 picks of three arms deviate by 0.2 % of the picks (one sigma).
    const PICKS: usize = 60_000;
    csp_tests::alone(|| {
        csp_tests::within(csp_tests::LIMIT, || {
            let (a_tx, a) = channel(1);
            let (b_tx, b) = unbounded();
            let (c_tx, c) = channel(1);
            let mut hits = [0usize; 3];
            a_tx.send(()).unwrap();
            b_tx.send(()).unwrap();
            for _ in 0..PICKS {
                select! {
                    _ = <-a => { hits[0] += 1; a_tx.send(()).unwrap() },
                    _ = <-b => { hits[1] += 1; b_tx.send(()).unwrap() },
                    c_tx <- () => { hits[2] += 1; c.recv().unwrap() },
                }
            }
            for hit in hits {
                assert!(hit.abs_diff(PICKS / 3) < PICKS / 50, "{hits:?}");
            }
        });
    });
}

#[test]
fn ready_arms_beside_blocked_ones_are_chosen_uniformly() {
    const PICKS: usize = 20_000;
    csp_tests::alone(|| {
        csp_tests::within(csp_tests::LIMIT, || {
            let (_quiet_tx, quiet) = channel::<()>(0);
            let (a_tx, a) = channel::<()>(0);
            let (b_tx, b) = channel::<()>(0);
            a_tx.close();
            b_tx.close();
            let mut hits = [0usize; 2];
            for _ in 0..PICKS {
                // A choice of a random start, then the next ready one, would favour `b` two to one.
                select! {
                    _ = <-quiet => unreachable!(),
                    None = <-b => hits[1] += 1,
                    None = <-a => hits[0] += 1,
                }
            }
            assert!(hits[0].abs_diff(PICKS / 2) < PICKS / 25, "{hits:?}");
        });
    });
}

#[test]
fn waiting_arms_of_one_channel_are_chosen_uniformly() {
    const PICKS: usize = 20_000;
    csp_tests::alone(|| {
        csp_tests::within(csp_tests::LIMIT, || {
            let (tx, rx) = channel(0);
            let coin = csp::go!({
                for _ in 0..PICKS {
                    // Whether it waits, or finds the receiver waiting.
                    select! {
                        tx <- 0 => {},
                        tx <- 1 => {},
                    }
                }
            });
            let ones = rx.iter().sum::<usize>();
            coin.join().unwrap();
            assert!(ones.abs_diff(PICKS / 2) < PICKS / 25, "{ones}");
        });
    });
}

#[test]
fn biased_takes_the_first_ready_arm() {
    everywhere(|_| {
        let (a_tx, a) = channel(8);
        let (b_tx, b) = channel(8);
        let mut order = Vec::new();
        for _ in 0..8 {
            b_tx.send('b').unwrap();
        }
        for round in 0..16 {
            if round % 2 == 0 {
                a_tx.send('a').unwrap();
            }
            order.push(select! {
                biased;
                v = <-a => v.unwrap(),
                v = <-b => v.unwrap(),
            });
        }
        assert_eq!(order.into_iter().collect::<String>(), "abababababababab");
    });
}

#[test]
fn default_is_taken_only_if_nothing_is_ready() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        for _ in 0..50 {
            assert_eq!(select! { v = <-rx => v, default => Some(0) }, Some(0));
            assert!(select! { tx <- 1 => true, default => false });
            assert!(!select! { tx <- 2 => true, default => false });
            assert_eq!(select! { v = <-rx => v, default => None }, Some(1));
        }
        tx.close();
        assert!(select! { None = <-rx => true, default => false });
    });
}

/// Notes `what` when evaluated, and is `value`.
fn note<T>(log: &RefCell<Vec<&'static str>>, what: &'static str, value: T) -> T {
    log.borrow_mut().push(what);
    value
}

#[test]
fn conditions_and_channels_are_evaluated_once_in_arm_order() {
    everywhere(|_| {
        let (a_tx, a) = channel::<u8>(1);
        let (b_tx, b) = channel::<u8>(1);
        let log = RefCell::new(Vec::new());
        let log = &log;
        b_tx.send(7).unwrap();
        let got = select! {
            v = <-note(log, "rx a", &a), if note(log, "if a", true) => v,
            note(log, "tx a", &a_tx) <- note(log, "value", 1), if note(log, "if tx", false) => None,
            v = <-note(log, "rx b", &b), if note(log, "if b", true) => v,
        };
        assert_eq!(got, Some(7));
        let log = log.borrow();
        // The condition of an arm comes before its channel; one that is false may spare the channel, never the order.
        let rest: Vec<_> = log.iter().copied().filter(|what| *what != "tx a").collect();
        assert_eq!(rest, ["if a", "rx a", "if tx", "if b", "rx b"], "{log:?}");
    });
}

#[test]
fn everything_is_evaluated_once_even_if_the_select_blocks() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let (_quiet_tx, quiet) = channel::<u8>(0);
        let sender = peers.spawn(move || {
            csp_tests::settle();
            tx.send(3).unwrap();
        });
        let (mut conditions, mut channels) = (0, 0);
        let got = select! {
            _ = <-quiet => None,
            v = <-{ channels += 1; &rx }, if { conditions += 1; true } => v,
        };
        assert_eq!((got, conditions, channels), (Some(3), 1, 1));
        sender.join();
    });
}

#[test]
fn a_false_condition_disables_its_arm() {
    everywhere(|_| {
        let (tx, rx) = channel(2);
        tx.send(1).unwrap();
        for _ in 0..50 {
            let which = select! {
                _ = <-rx, if false => "receive",
                tx <- 2, if false => "send",
                default => "default",
            };
            assert_eq!(which, "default");
        }
        assert_eq!(rx.len(), 1);
    });
}

#[test]
fn temporaries_of_the_head_are_gone_in_the_body() {
    everywhere(|_| {
        let (tx, rx) = channel(2);
        tx.send(1).unwrap();
        let guarded = RefCell::new(rx);
        let seen = select! {
            v = <-guarded.borrow_mut().clone(), if guarded.try_borrow_mut().is_ok() => {
                // The guard of the head would make this panic.
                guarded.borrow_mut();
                v
            },
        };
        assert_eq!(seen, Some(1));
    });
}

#[test]
fn a_receive_arm_needs_no_pattern() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        tx.send(1).unwrap();
        assert!(select! { <-rx => true, default => false });
        assert!(select! { <-rx, if true => false, default => true });
    });
}

#[test]
fn an_after_arm_ends_a_select() {
    everywhere(|_| {
        let (_tx, rx) = channel::<u8>(0);
        let timed_out = select! {
            _ = <-rx => false,
            _ = <-csp::time::after(Duration::from_millis(2)) => true,
        };
        assert!(timed_out);
    });
}

#[test]
fn sixty_four_arms_work() {
    everywhere(|peers| {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..64).map(|_| channel::<usize>(0)).unzip();
        let sender = peers.spawn(move || {
            for i in (0..64).rev() {
                txs[i].send(i * i).unwrap();
            }
            txs
        });
        let mut seen = Vec::new();
        for _ in 0..64 {
            let (arm, v) = sixty_four(&rxs);
            assert_eq!(v, Some(arm * arm));
            seen.push(arm);
        }
        assert!(seen.into_iter().eq((0..64).rev()));
        drop(sender.join());
    });
}

#[rustfmt::skip]
fn sixty_four(rxs: &[csp::Receiver<usize>]) -> (usize, Option<usize>) {
    select! {
        v = <-rxs[0] => (0, v), v = <-rxs[1] => (1, v), v = <-rxs[2] => (2, v), v = <-rxs[3] => (3, v),
        v = <-rxs[4] => (4, v), v = <-rxs[5] => (5, v), v = <-rxs[6] => (6, v), v = <-rxs[7] => (7, v),
        v = <-rxs[8] => (8, v), v = <-rxs[9] => (9, v), v = <-rxs[10] => (10, v), v = <-rxs[11] => (11, v),
        v = <-rxs[12] => (12, v), v = <-rxs[13] => (13, v), v = <-rxs[14] => (14, v), v = <-rxs[15] => (15, v),
        v = <-rxs[16] => (16, v), v = <-rxs[17] => (17, v), v = <-rxs[18] => (18, v), v = <-rxs[19] => (19, v),
        v = <-rxs[20] => (20, v), v = <-rxs[21] => (21, v), v = <-rxs[22] => (22, v), v = <-rxs[23] => (23, v),
        v = <-rxs[24] => (24, v), v = <-rxs[25] => (25, v), v = <-rxs[26] => (26, v), v = <-rxs[27] => (27, v),
        v = <-rxs[28] => (28, v), v = <-rxs[29] => (29, v), v = <-rxs[30] => (30, v), v = <-rxs[31] => (31, v),
        v = <-rxs[32] => (32, v), v = <-rxs[33] => (33, v), v = <-rxs[34] => (34, v), v = <-rxs[35] => (35, v),
        v = <-rxs[36] => (36, v), v = <-rxs[37] => (37, v), v = <-rxs[38] => (38, v), v = <-rxs[39] => (39, v),
        v = <-rxs[40] => (40, v), v = <-rxs[41] => (41, v), v = <-rxs[42] => (42, v), v = <-rxs[43] => (43, v),
        v = <-rxs[44] => (44, v), v = <-rxs[45] => (45, v), v = <-rxs[46] => (46, v), v = <-rxs[47] => (47, v),
        v = <-rxs[48] => (48, v), v = <-rxs[49] => (49, v), v = <-rxs[50] => (50, v), v = <-rxs[51] => (51, v),
        v = <-rxs[52] => (52, v), v = <-rxs[53] => (53, v), v = <-rxs[54] => (54, v), v = <-rxs[55] => (55, v),
        v = <-rxs[56] => (56, v), v = <-rxs[57] => (57, v), v = <-rxs[58] => (58, v), v = <-rxs[59] => (59, v),
        v = <-rxs[60] => (60, v), v = <-rxs[61] => (61, v), v = <-rxs[62] => (62, v), v = <-rxs[63] => (63, v),
    }
}
