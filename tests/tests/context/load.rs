//! Many children, long chains, and everything at once.

use super::{CANCELED, Cause, HOUR, cause};
use csp::context::{CancelHandle, Context, StopFunc};
use csp::prelude::*;
use csp_tests::{Ledger, Peer, Rng, everywhere, settle};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn ten_thousand_children_follow_their_parent() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let children: Vec<_> = (0..10_000).map(|_| parent.with_cancel().0).collect();
        cancel.cancel_with(Cause(7));
        assert!(
            children
                .iter()
                .all(|child| child.err() == CANCELED && cause(child) == Some(Ok(7)))
        );
    });
}

#[test]
fn more_waiters_than_are_woken_at_a_time_are_all_woken() {
    everywhere(|_| {
        let (ctx, cancel) = Context::background().with_cancel();
        let (timed, _) = ctx.with_timeout(HOUR);
        let ended = WaitGroup::new();
        for n in 0..1_000 {
            let ctx = if n % 2 == 0 { &ctx } else { &timed };
            go!(in ended, clone(ctx) => {
                select! {
                    <-ctx.done() => assert_eq!(ctx.err(), CANCELED),
                    _ = <-never::<()>() => {}
                }
            });
        }
        settle();
        cancel.cancel();
        ended.wait();
    });
}

#[test]
fn children_that_go_first_leave_nothing_behind() {
    everywhere(|_| {
        let (parent, _cancel) = Context::background().with_cancel();
        let (ledger, ended) = (Ledger::new(10_000), WaitGroup::new());
        let children: Vec<_> = (0..10_000)
            .map(|n| {
                let (child, cancel) = parent.with_value(ledger.message(n)).with_cancel();
                let (held, ended) = (child.clone(), ended.clone());
                ended.add(1);
                // It holds its own context, which only a cancel can end.
                child.after_func(move || {
                    drop(held);
                    ended.done();
                });
                cancel
            })
            .collect();
        assert_eq!(ledger.live(), 10_000);
        children.iter().for_each(CancelHandle::cancel);
        drop(children);
        ended.wait();
        assert_eq!(ledger.live(), 0);
        // Those that were never cancelled leave nothing either.
        let more = Ledger::new(10_000);
        let unused: Vec<_> = (0..10_000)
            .map(|n| {
                let message = more.message(n);
                let (child, _) = parent.with_cancel();
                child.after_func(move || drop(message))
            })
            .collect();
        assert_eq!(more.live(), 10_000);
        assert!(unused.iter().all(StopFunc::stop));
        assert_eq!((more.live(), parent.err()), (0, None));
    });
}

#[test]
fn a_chain_of_a_hundred_thousand_is_cancelled_and_dropped_on_a_small_stack() {
    everywhere(|peers| {
        let (root, cancel) = Context::background().with_cancel();
        let mut chain = vec![root.clone()];
        for n in 1..100_000 {
            let last = &chain[n - 1];
            let next = if n % 3 == 0 {
                last.with_value(n)
            } else {
                last.clone()
            };
            chain.push(next.with_cancel().0);
        }
        let leaf = chain.last().unwrap().clone();
        assert_eq!(leaf.value::<usize>().as_deref(), Some(&99_999));
        let (late, _) = leaf.with_timeout(HOUR);
        cancel.cancel();
        assert_eq!((late.err(), chain[50_000].err()), (CANCELED, CANCELED));
        drop((chain, late));
        peers.spawn(move || drop(leaf)).join();
    });
}

#[test]
fn a_storm_of_contexts_ends_with_one_error_each() {
    everywhere(|peers| {
        let (root, stop) = Context::background().with_cancel();
        let ran = Arc::new(AtomicUsize::new(0));
        let started = Arc::new(AtomicUsize::new(0));
        let ended = WaitGroup::new();
        let workers: Vec<_> = (0..8)
            .map(|seed| {
                let (root, ran, started) = (root.clone(), ran.clone(), started.clone());
                let ended = ended.clone();
                peers.spawn(move || {
                    let mut rng = Rng::new(seed);
                    let mut shelf = vec![root];
                    for _ in 0..400 {
                        let parent = &shelf[rng.below(shelf.len() as u64) as usize];
                        let (ctx, cancel) = match rng.below(4) {
                            0 => parent.with_timeout(Duration::from_micros(rng.below(300))),
                            _ => parent.with_cancel(),
                        };
                        let waiter = {
                            let ctx = ctx.clone();
                            go!({
                                ctx.done().recv();
                                let first = ctx.err();
                                assert!(first.is_some() && ctx.done().is_closed());
                                csp::yield_now();
                                assert_eq!(ctx.err(), first);
                            })
                        };
                        started.fetch_add(1, Ordering::SeqCst);
                        ended.add(1);
                        let (count, all) = (ran.clone(), ended.clone());
                        let after = ctx.after_func(move || {
                            count.fetch_add(1, Ordering::SeqCst);
                            all.done();
                        });
                        rng.jitter();
                        if rng.one_in(3) && after.stop() {
                            started.fetch_sub(1, Ordering::SeqCst);
                            ended.done();
                        }
                        match rng.below(3) {
                            0 => shelf.push(ctx),
                            1 => drop(go!(cancel.cancel())),
                            _ => cancel.cancel_with(Cause(1)),
                        }
                        ended.add(1);
                        let ended = ended.clone();
                        go!({
                            waiter.join().unwrap();
                            ended.done();
                        });
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(Peer::join);
        stop.cancel();
        ended.wait();
        assert_eq!(ran.load(Ordering::SeqCst), started.load(Ordering::SeqCst));
    });
}
