//! Deadlines and timeouts.

use super::{CANCELED, Cause, EXCEEDED, HOUR, SOON, cause, is_done};
use csp::context::Context;
use csp::prelude::*;
use csp_tests::{Peer, everywhere};
use std::time::Instant;

#[test]
fn a_timeout_of_zero_and_a_deadline_that_has_passed_are_done_at_once() {
    everywhere(|_| {
        let now = Instant::now();
        let past = now.checked_sub(SOON).unwrap_or(now);
        let background = Context::background();
        for (ctx, cancel) in [
            background.with_timeout(Duration::ZERO),
            background.with_deadline(now),
            background.with_deadline(past),
        ] {
            assert!(is_done(&ctx));
            cancel.cancel_with(Cause(1));
            assert_eq!(ctx.err(), EXCEEDED);
            assert_eq!(
                cause(&ctx),
                Some(Err("context deadline exceeded".to_owned()))
            );
            assert_eq!(ctx.done().recv(), None);
        }
    });
}

#[test]
fn a_deadline_ends_every_kind_of_wait_and_not_early() {
    everywhere(|peers| {
        let (ctx, _) = Context::background().with_timeout_cause(SOON, Cause(6));
        let deadline = ctx.deadline().unwrap();
        let (child, _) = ctx.with_cancel();
        let waiters: Vec<_> = (0..6)
            .map(|n| {
                let ctx = if n % 2 == 0 {
                    ctx.clone()
                } else {
                    child.clone()
                };
                peers.spawn(move || {
                    match n / 2 {
                        0 => assert_eq!(ctx.done().recv(), None),
                        1 => assert!(ctx.done().recv_timeout(HOUR).is_err()),
                        _ => select! {
                            <-ctx.done() => {}
                            _ = <-never::<()>() => {}
                        },
                    }
                    assert!(Instant::now() >= deadline);
                    assert_eq!((ctx.err(), cause(&ctx)), (EXCEEDED, Some(Ok(6))));
                })
            })
            .collect();
        waiters.into_iter().for_each(Peer::join);
        assert_eq!((ctx.err(), child.err()), (EXCEEDED, EXCEEDED));
    });
}

#[test]
fn a_wait_for_done_may_end_before_it() {
    everywhere(|_| {
        let (ctx, _) = Context::background().with_timeout(HOUR);
        let before = Instant::now();
        let timeout = ctx.done().recv_timeout(SOON);
        assert_eq!(timeout, Err(RecvTimeoutError::Timeout));
        assert!(Instant::now() >= before + SOON);
        select! {
            <-ctx.done() => unreachable!("not yet"),
            _ = <-after(SOON) => {}
        }
        select! {
            <-ctx.done() => unreachable!("not yet"),
            default => {}
        }
        assert_eq!(ctx.err(), None);
    });
}

#[test]
fn the_earlier_deadline_counts() {
    let (now, background) = (Instant::now(), Context::background());
    let (parent, _) = background.with_deadline(now + HOUR);
    assert_eq!(parent.deadline(), Some(now + HOUR));
    let (later, _) = parent.with_deadline_cause(now + 2 * HOUR, Cause(1));
    assert_eq!(later.deadline(), Some(now + HOUR));
    let (earlier, _) = parent.with_deadline(now + HOUR / 2);
    assert_eq!(earlier.deadline(), Some(now + HOUR / 2));
    assert_eq!(
        earlier.with_value(0).with_cancel().0.deadline(),
        Some(now + HOUR / 2)
    );
    assert_eq!(parent.without_cancel().deadline(), None);
    assert!(
        background
            .with_timeout(Duration::MAX)
            .0
            .deadline()
            .is_some()
    );
    assert_eq!(background.with_timeout(Duration::MAX).0.err(), None);
}

#[test]
fn the_cause_of_a_deadline_is_of_whoever_set_it() {
    everywhere(|_| {
        let (parent, _) = Context::background().with_timeout_cause(SOON, Cause(1));
        let (child, _) = parent.with_timeout_cause(HOUR, Cause(2));
        let (grandchild, _) = child.with_cancel();
        let (open, _) = Context::background().with_cancel();
        let (own, _) = open.with_timeout_cause(SOON, Cause(3));
        grandchild.done().recv();
        own.done().recv();
        // Asked from below, the answer is marked at the top.
        for ctx in [&grandchild, &child, &parent] {
            assert_eq!((ctx.err(), cause(ctx)), (EXCEEDED, Some(Ok(1))));
        }
        assert_eq!((open.err(), cause(&own)), (None, Some(Ok(3))));
    });
}

#[test]
fn a_cancel_before_the_deadline_is_no_timeout() {
    everywhere(|_| {
        let (ctx, cancel) = Context::background().with_timeout_cause(HOUR, Cause(1));
        cancel.cancel();
        assert_eq!(
            (ctx.err(), cause(&ctx)),
            (CANCELED, Some(Err("context canceled".to_owned())))
        );
    });
}

#[test]
fn a_deadline_that_has_passed_is_not_overwritten_by_a_cancel_above() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let deadline = Instant::now() + SOON;
        let children = [Cause(1), Cause(2)].map(|cause| {
            parent
                .with_deadline_cause(deadline, cause)
                .0
                .with_cancel()
                .0
        });
        let [asked, other] = &children;
        // Closed by the clock, before anybody has asked for the error.
        assert_eq!((asked.done().recv(), other.done().recv()), (None, None));
        assert_eq!(asked.err(), EXCEEDED);
        cancel.cancel_with(Cause(3));
        assert_eq!((parent.err(), cause(&parent)), (CANCELED, Some(Ok(3))));
        for (child, number) in children.iter().zip(1..) {
            assert_eq!((child.err(), cause(child)), (EXCEEDED, Some(Ok(number))));
        }
        // What is derived from it now is late for both.
        let (late, _) = parent.with_deadline_cause(deadline, Cause(4));
        assert_eq!((late.err(), cause(&late)), (CANCELED, Some(Ok(3))));
    });
}

#[test]
fn nested_deadlines_have_their_own_causes_whoever_is_asked_first() {
    everywhere(|_| {
        for first in 0..4 {
            let (outer, cancel, inner, leaf) = loop {
                let end = Instant::now() + SOON;
                let (outer, cancel) = Context::background().with_deadline_cause(end, Cause(1));
                let (inner, _) = outer.with_deadline_cause(end - SOON / 2, Cause(2));
                let (leaf, _) = inner.with_cancel();
                // What is derived from one that is over already has its cause.
                if Instant::now() < end {
                    break (outer, cancel, inner, leaf);
                }
            };
            assert_eq!(outer.done().recv(), None);
            match first {
                0 => assert_eq!(outer.err(), EXCEEDED),
                1 => assert_eq!(inner.err(), EXCEEDED),
                2 => drop(outer.with_cancel()),
                _ => cancel.cancel(),
            }
            for (ctx, number) in [(&outer, 1), (&inner, 2), (&leaf, 2)] {
                assert_eq!((ctx.err(), cause(ctx)), (EXCEEDED, Some(Ok(number))));
            }
        }
    });
}

#[test]
fn a_cancel_above_before_the_deadline_stays_one() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let (child, _) = parent.with_timeout_cause(SOON, Cause(1));
        let (twin, _) = Context::background().with_deadline(child.deadline().unwrap());
        cancel.cancel_with(Cause(2));
        let cancelled = twin.err().is_none();
        assert_eq!(twin.done().recv(), None);
        if cancelled {
            assert_eq!((child.err(), cause(&child)), (CANCELED, Some(Ok(2))));
        }
    });
}
