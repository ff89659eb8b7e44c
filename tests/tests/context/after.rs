//! Functions that run once a context is done.

use super::{CANCELED, Cause, EXCEEDED, HOUR, SOON};
use csp::context::{Context, StopFunc};
use csp::prelude::*;
use csp_tests::{Ledger, everywhere, settle, until};

#[test]
fn after_func_runs_once_in_a_goroutine_when_the_context_is_done() {
    everywhere(|_| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (tx, rx) = unbounded();
        for n in 0..3 {
            let (tx, ctx) = (tx.clone(), ctx.clone());
            ctx.clone()
                .after_func(move || tx.send((n, ctx.err(), csp::runtime::goid())).unwrap());
        }
        settle();
        assert!(rx.is_empty());
        cancel.cancel();
        cancel.cancel();
        ctx.after_func(move || tx.send((3, CANCELED, csp::runtime::goid())).unwrap());
        let mut ran: Vec<_> = rx.iter().collect();
        ran.sort_by_key(|&(n, ..)| n);
        assert!(ran.iter().map(|&(n, ..)| n).eq(0..4));
        assert!(
            ran.iter()
                .all(|&(_, err, id)| err == CANCELED && id != 0 && id != csp::runtime::goid())
        );
    });
}

#[test]
fn after_func_runs_at_the_deadline_with_nobody_looking() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        let (ctx, _) = Context::background().with_timeout(SOON);
        let (child, _) = ctx.with_cancel();
        for ctx in [ctx, child] {
            let tx = tx.clone();
            ctx.clone().after_func(move || tx.send(ctx.err()).unwrap());
        }
        drop(tx);
        assert!(rx.iter().eq([EXCEEDED, EXCEEDED]));
    });
}

#[test]
fn a_stopped_function_does_not_run() {
    everywhere(|_| {
        for (ctx, cancel) in [
            Context::background().with_cancel(),
            Context::background().with_timeout(HOUR),
        ] {
            let ledger = Ledger::new(2);
            let (first, second) = (ledger.message(0), ledger.message(1));
            let (tx, rx) = channel(1);
            let stop = ctx.after_func(move || drop(first));
            let other = ctx.after_func(move || tx.send(second.id).unwrap());
            assert!(stop.stop() && !stop.stop());
            assert_eq!(ledger.live(), 1);
            // Its number may be used again, which must not let it stop another.
            let third = ctx.after_func(|| {});
            assert!(!stop.stop());
            cancel.cancel();
            assert_eq!(rx.recv(), Some(1));
            assert!(!other.stop() && !third.stop());
        }
        let stop =
            Context::background().after_func(|| unreachable!("the background is never done"));
        assert!(stop.stop() && !stop.stop());
    });
}

#[test]
fn a_function_of_a_context_that_nobody_holds_runs_when_its_parent_is_done() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let (tx, rx) = unbounded();
        for n in 0..3 {
            let tx = tx.clone();
            let mut ctx = parent.clone();
            (0..n).for_each(|_| ctx = ctx.with_cancel().0);
            ctx.after_func(move || tx.send(n).unwrap());
        }
        drop(tx);
        cancel.cancel();
        let mut ran: Vec<_> = rx.iter().collect();
        ran.sort_unstable();
        assert_eq!(ran, [0, 1, 2]);
    });
}

/// Where the goroutines of `arrange` are started.
const ARRANGED: u32 = line!() + 3;

fn arrange(ctx: &Context) -> StopFunc {
    ctx.after_func(|| {})
}

/// How many goroutines there are of `arrange`.
fn arranged() -> usize {
    let mut dump = Vec::new();
    csp::runtime::dump(&mut dump).unwrap();
    let place = format!("started at tests/tests/context/after.rs:{ARRANGED}:");
    String::from_utf8(dump).unwrap().matches(&place).count()
}

#[test]
fn the_watcher_of_a_deadline_ends_with_its_last_function_or_its_context() {
    everywhere(|_| {
        until(|| arranged() == 0);
        let (ctx, cancel) = Context::background().with_timeout(HOUR);
        let stops: Vec<_> = (0..5).map(|_| arrange(&ctx)).collect();
        assert_eq!(arranged(), 1);
        assert!(stops.iter().all(StopFunc::stop));
        until(|| arranged() == 0);
        let (child, _) = ctx.with_cancel();
        drop(arrange(&child));
        assert_eq!(arranged(), 1);
        cancel.cancel();
        until(|| arranged() == 0);
        // Where there is no deadline there is nothing to watch.
        let (free, _) = Context::background().with_cancel();
        let stop = arrange(&free);
        assert_eq!(arranged(), 0);
        assert!(stop.stop());
    });
}

#[test]
fn stop_does_not_wait_for_a_function_that_runs() {
    everywhere(|_| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (tx, rx) = channel::<()>(0);
        let stop = ctx.after_func(move || assert_eq!(rx.recv(), Some(())));
        assert!(tx.try_send(()).is_err());
        cancel.cancel();
        assert!(!stop.stop());
        // It runs, and is still there to receive.
        tx.send(()).unwrap();
    });
}

#[test]
fn after_func_merges_two_contexts() {
    everywhere(|_| {
        for which in 0..2 {
            let (first, cancel_first) = Context::background().with_value('v').with_cancel();
            let (second, cancel_second) = Context::background().with_cancel();
            let (merged, cancel) = first.with_cancel();
            let stop = second.after_func({
                let second = second.clone();
                move || cancel.cancel_with(second.cause().unwrap().to_string())
            });
            [cancel_first, cancel_second][which].cancel_with(Cause(which as u32));
            assert_eq!(merged.done().recv(), None);
            let cause = merged.cause().unwrap().to_string();
            assert_eq!((merged.err(), cause), (CANCELED, format!("cause {which}")));
            assert_eq!(merged.value::<char>().as_deref(), Some(&'v'));
            assert_eq!(stop.stop(), which == 0);
        }
    });
}
