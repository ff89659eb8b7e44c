//! Contexts: what Go's package documents, case by case, and the tree under load.
//!
//! | file | what |
//! |---|---|
//! | `main` | cancelling, causes, values |
//! | `deadline` | deadlines and timeouts |
//! | `after` | `after_func` |
//! | `load` | many children, long chains, everything at once |

mod after;
mod deadline;
mod load;

use csp::context::ContextError;
use csp::prelude::*;
use csp_tests::{Ledger, Peer, everywhere, settle};
use std::error::Error;

const CANCELED: Option<ContextError> = Some(ContextError::Canceled);
const EXCEEDED: Option<ContextError> = Some(ContextError::DeadlineExceeded);
const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(2);

#[derive(Debug, PartialEq)]
struct Cause(u32);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cause {}", self.0)
    }
}

impl Error for Cause {}

/// The cause as a number; `Err` with the text if it is none of ours.
fn cause(ctx: &Context) -> Option<Result<u32, String>> {
    let cause = ctx.cause()?;
    let number = cause.downcast_ref::<Cause>().map(|cause| cause.0);
    Some(number.ok_or_else(|| cause.to_string()))
}

fn is_done(ctx: &Context) -> bool {
    let done = ctx.done();
    let closed = done.is_closed();
    assert_eq!(
        done.try_recv(),
        Err(if closed {
            TryRecvError::Closed
        } else {
            TryRecvError::Empty
        })
    );
    closed
}

#[test]
fn the_background_is_never_done_and_carries_nothing() {
    for ctx in [
        Context::background(),
        Context::todo(),
        Context::background().with_value(1),
    ] {
        assert!(!is_done(&ctx) && ctx.done().same_channel(&never()));
        assert_eq!((ctx.err(), ctx.deadline()), (None, None));
        assert!(ctx.cause().is_none() && ctx.value::<String>().is_none());
    }
}

#[test]
fn the_errors_have_the_words_of_go() {
    assert_eq!(ContextError::Canceled.to_string(), "context canceled");
    assert_eq!(
        ContextError::DeadlineExceeded.to_string(),
        "context deadline exceeded"
    );
}

#[test]
fn the_errors_become_errors_of_input_and_output() {
    use std::io;
    fn read(ctx: &Context) -> io::Result<()> {
        ctx.check()?;
        Ok(())
    }
    let (ctx, cancel) = Context::background().with_cancel();
    assert!(read(&ctx).is_ok());
    cancel.cancel();
    let (late, _) = Context::background().with_timeout(Duration::ZERO);
    for (ctx, kind, own) in [
        (ctx, io::ErrorKind::Other, CANCELED),
        (late, io::ErrorKind::TimedOut, EXCEEDED),
    ] {
        let error = read(&ctx).unwrap_err();
        let inner = error.get_ref().and_then(|error| error.downcast_ref());
        assert_eq!((error.kind(), inner.copied()), (kind, own));
    }
}

#[test]
fn cancelling_closes_done_and_wakes_all_who_wait() {
    everywhere(|peers| {
        let (ctx, cancel) = Context::background().with_cancel();
        let waiters: Vec<_> = (0..8)
            .map(|n| {
                let ctx = ctx.clone();
                peers.spawn(move || {
                    let done = ctx.done();
                    match n % 4 {
                        0 => assert_eq!(done.recv(), None),
                        1 => assert!(done.recv_timeout(HOUR).is_err()),
                        2 => assert_eq!(done.iter().count(), 0),
                        _ => select! {
                            <-ctx.done() => {}
                            _ = <-after(HOUR) => unreachable!("an hour is longer"),
                        },
                    }
                    assert_eq!(ctx.err(), CANCELED);
                })
            })
            .collect();
        settle();
        assert!(!is_done(&ctx) && ctx.err().is_none());
        cancel.cancel();
        assert!(is_done(&ctx));
        waiters.into_iter().for_each(Peer::join);
    });
}

#[test]
fn the_first_cancel_wins_and_the_rest_do_nothing() {
    everywhere(|_| {
        let (ctx, cancel) = Context::background().with_cancel();
        let again = cancel.clone();
        cancel.cancel_with(Cause(1));
        again.cancel_with(Cause(2));
        again.cancel();
        assert_eq!((ctx.err(), cause(&ctx)), (CANCELED, Some(Ok(1))));
        let (ctx, cancel) = Context::background().with_cancel();
        cancel.cancel();
        cancel.cancel_with(Cause(1));
        assert_eq!(cause(&ctx), Some(Err("context canceled".to_owned())));
    });
}

#[test]
fn cancelling_reaches_what_was_derived_and_nothing_else() {
    everywhere(|_| {
        let (parent, _keep) = Context::background().with_cancel();
        let (middle, cancel) = parent.with_value('v').with_cancel();
        let (child, _) = middle.with_timeout(HOUR);
        let value = child.with_value("leaf");
        let (sibling, _) = parent.with_cancel();
        let free = child.without_cancel();
        cancel.cancel_with(Cause(3));
        for ctx in [&middle, &child, &value] {
            assert!(is_done(ctx));
            assert_eq!((ctx.err(), cause(ctx)), (CANCELED, Some(Ok(3))));
        }
        for ctx in [&parent, &sibling, &free] {
            assert!(!is_done(ctx) && ctx.err().is_none() && ctx.cause().is_none());
        }
        assert_eq!(
            (free.deadline(), free.value::<char>().as_deref()),
            (None, Some(&'v'))
        );
    });
}

#[test]
fn a_child_keeps_its_own_cause_when_its_parent_follows() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let (child, first) = parent.with_cancel();
        first.cancel_with(Cause(1));
        assert_eq!(cause(&parent), None);
        cancel.cancel_with(Cause(2));
        assert_eq!((cause(&parent), cause(&child)), (Some(Ok(2)), Some(Ok(1))));
    });
}

#[test]
fn what_is_derived_from_a_done_context_is_done() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        cancel.cancel_with(Cause(4));
        let (late, _) = Context::background().with_timeout_cause(Duration::ZERO, Cause(5));
        let expected = [(CANCELED, 4), (EXCEEDED, 5)];
        for (ctx, (err, number)) in [parent, late].into_iter().zip(expected) {
            for child in [
                ctx.with_cancel().0,
                ctx.with_timeout(HOUR).0,
                ctx.with_value(()),
            ] {
                assert!(is_done(&child));
                assert_eq!((child.err(), cause(&child)), (err, Some(Ok(number))));
            }
        }
    });
}

#[test]
fn values_are_found_by_type_the_newest_first() {
    struct Name(&'static str);
    let ctx = Context::background()
        .with_value(1_u32)
        .with_value(Name("a"));
    let inner = ctx.with_cancel().0.with_value(2_u32);
    assert_eq!(inner.value::<u32>().as_deref(), Some(&2));
    assert_eq!(ctx.value::<u32>().as_deref(), Some(&1));
    assert_eq!(inner.value::<Name>().unwrap().0, "a");
    assert!(inner.value::<i32>().is_none());
}

#[test]
fn values_are_dropped_with_the_last_context_that_sees_them() {
    let ledger = Ledger::new(2);
    let ctx = Context::background().with_value(ledger.message(0));
    let (child, cancel) = ctx.with_cancel();
    let inner = child.with_value(ledger.message(1));
    drop((ctx, child));
    assert_eq!(ledger.live(), 2);
    drop(inner);
    assert_eq!(ledger.live(), 0);
    cancel.cancel();
}

#[test]
fn a_receiver_alone_keeps_its_context_in_the_tree() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let done = parent.with_cancel().0.with_timeout(HOUR).0.done();
        assert!(done.same_channel(&done.clone()) && !done.same_channel(&parent.done()));
        drop(parent);
        cancel.cancel();
        assert_eq!(done.recv(), None);
        assert_eq!(
            (done.len(), done.capacity(), done.is_full()),
            (0, Some(0), true)
        );
    });
}
