//! ErrGroup: what Go's `errgroup` documents, panics, limits, and `go!(in group => …)`.

use csp::context::{Context, ContextError};
use csp::prelude::*;
use csp_tests::{Ledger, Peer, everywhere, settle, until};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CANCELED: Option<ContextError> = Some(ContextError::Canceled);

/// The text of what `body` panics with.
fn panic_of<R: std::fmt::Debug>(body: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn wait_with_nothing_to_wait_for_returns() {
    everywhere(|_| {
        let group = ErrGroup::<()>::new();
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(group.clone().wait(), Ok(()));
    });
}

#[test]
fn wait_returns_after_the_last_goroutine() {
    everywhere(|peers| {
        let group = ErrGroup::<()>::new();
        let count = Arc::new(AtomicUsize::new(0));
        for n in 0..20 {
            let count = Arc::clone(&count);
            group.go(move || {
                settle();
                count.fetch_add(1, Ordering::SeqCst);
                Ok(n)
            });
        }
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (group, count) = (group.clone(), Arc::clone(&count));
                peers.spawn(move || {
                    assert_eq!(group.wait(), Ok(()));
                    assert_eq!(count.load(Ordering::SeqCst), 20);
                })
            })
            .collect();
        waiters.into_iter().for_each(Peer::join);
    });
}

#[test]
fn the_first_error_wins_and_cancels_the_context() {
    everywhere(|_| {
        let (group, ctx) = ErrGroup::with_context(&Context::background());
        let (tx, rx) = channel::<()>(0);
        for n in 0..4 {
            go!(in group, clone(ctx, rx) => {
                if n == 2 {
                    rx.recv();
                    return Err::<(), _>(n);
                }
                ctx.done().recv();
                Err(n + 10)
            });
        }
        assert_eq!(ctx.err(), None);
        drop(tx);
        assert_eq!(group.wait(), Err(2));
        assert_eq!(ctx.err(), CANCELED);
        assert!(ctx.done().same_channel(&group.context().done()));
    });
}

#[test]
fn wait_cancels_the_context_and_its_parent_cancels_it_too() {
    everywhere(|_| {
        let (parent, cancel) = Context::background().with_cancel();
        let (group, ctx) = ErrGroup::<()>::with_context(&parent);
        assert_eq!(
            (group.wait(), ctx.err(), parent.err()),
            (Ok(()), CANCELED, None)
        );
        let (group, ctx) = ErrGroup::with_context(&parent.with_value(7));
        go!(in group => {
            ctx.done().recv();
            Err::<(), _>((ctx.cause().unwrap().to_string(), ctx.value::<i32>()))
        });
        cancel.cancel_with("enough");
        assert_eq!(group.wait(), Err(("enough".to_owned(), Some(Arc::new(7)))));
    });
}

#[test]
fn an_error_is_returned_once_and_the_group_goes_on() {
    everywhere(|_| {
        let group = ErrGroup::new();
        group.go(|| Err::<(), _>("no"));
        assert_eq!(group.wait(), Err("no"));
        assert_eq!(group.wait(), Ok(()));
        go!(in group => Ok(1));
        assert_eq!((group.wait(), group.context().err()), (Ok(()), CANCELED));
        go!(in group => Err::<(), _>("again"));
        assert_eq!(group.wait(), Err("again"));
    });
}

#[test]
fn a_panic_cancels_and_goes_on_in_wait_before_any_error() {
    everywhere(|_| {
        let group = ErrGroup::<&str>::new();
        let ctx = group.context();
        go!(in group => { if true { panic!("on purpose") } else { Ok(()) } });
        go!(in group, clone(ctx) => {
            ctx.done().recv();
            Err::<(), _>("an error")
        });
        assert_eq!(panic_of(|| group.wait()), "on purpose");
        assert_eq!((ctx.err(), group.wait()), (CANCELED, Ok(())));
        struct Payload(u32);
        group.go(|| -> Result<(), _> { std::panic::panic_any(Payload(9)) });
        let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
        assert_eq!(
            payload.downcast::<Payload>().map(|payload| payload.0).ok(),
            Some(9)
        );
    });
}

#[test]
fn no_more_than_the_limit_run_at_once_and_all_run() {
    everywhere(|peers| {
        let group = ErrGroup::<()>::new();
        group.set_limit(3);
        let now = Arc::new(AtomicUsize::new(0));
        let all = Arc::new(AtomicUsize::new(0));
        let starters: Vec<_> = (0..4)
            .map(|_| {
                let (group, now, all) = (group.clone(), now.clone(), all.clone());
                peers.spawn(move || {
                    for _ in 0..25 {
                        go!(in group, clone(now, all) => {
                            assert!(now.fetch_add(1, Ordering::SeqCst) < 3);
                            settle();
                            now.fetch_sub(1, Ordering::SeqCst);
                            all.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        });
                    }
                })
            })
            .collect();
        starters.into_iter().for_each(Peer::join);
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(all.load(Ordering::SeqCst), 100);
    });
}

#[test]
fn try_go_starts_only_within_the_limit() {
    everywhere(|_| {
        let group = ErrGroup::<()>::new();
        group.set_limit(2);
        let ledger = Ledger::new(4);
        let (tx, rx) = channel::<()>(0);
        let started: Vec<_> = (0..4)
            .map(|n| {
                let (rx, message) = (rx.clone(), ledger.message(n));
                group.try_go(move || {
                    rx.recv();
                    drop(message);
                    Ok(())
                })
            })
            .collect();
        assert_eq!(started, [true, true, false, false]);
        assert_eq!(ledger.live(), 2);
        drop(tx);
        group.wait().unwrap();
        assert!(group.try_go(|| Ok(())));
        group.wait().unwrap();
        group.set_limit(0);
        assert!(!group.try_go(|| Ok(())));
        group.set_limit(None);
        assert!(group.try_go(|| Ok(())));
        group.wait().unwrap();
    });
}

#[test]
fn with_a_limit_of_zero_go_waits_until_there_is_another() {
    everywhere(|peers| {
        let group = ErrGroup::<()>::new();
        group.set_limit(0);
        let starter = {
            let group = group.clone();
            peers.spawn(move || group.go(|| Ok(())))
        };
        settle();
        assert!(!starter.is_finished());
        group.set_limit(1);
        starter.join();
        group.wait().unwrap();
    });
}

#[test]
fn changing_the_limit_while_goroutines_run_panics_with_the_words_of_go() {
    everywhere(|_| {
        let group = ErrGroup::<()>::new();
        let (tx, rx) = channel::<()>(0);
        for _ in 0..2 {
            let rx = rx.clone();
            group.go(move || Ok(rx.recv()));
        }
        assert_eq!(
            panic_of(|| group.set_limit(1)),
            "errgroup: modify limit while 2 goroutines in the group are still active"
        );
        drop(tx);
        group.wait().unwrap();
        group.set_limit(1);
    });
}

#[test]
fn a_member_that_panics_gives_its_place_back() {
    everywhere(|_| {
        let group = ErrGroup::<()>::new();
        group.set_limit(1);
        for _ in 0..3 {
            go!(in group => { if true { panic!("on purpose") } else { Ok(()) } });
        }
        assert_eq!(panic_of(|| group.wait()), "on purpose");
        group.set_limit(2);
    });
}

#[test]
fn go_starts_in_a_group_by_value_and_by_reference_with_every_head() {
    fn fetch(from: &'static str) -> Result<usize, std::num::ParseIntError> {
        from.parse()
    }
    everywhere(|_| {
        let group = ErrGroup::new();
        let by_reference = &group;
        let seen = Arc::new(AtomicUsize::new(0));
        go!(in group => fetch("1"));
        go!(in by_reference, name("second"), stack(64 << 10) => fetch("2"));
        go!(in &group, clone(seen) => {
            let n = fetch("3")?;
            seen.store(n, Ordering::SeqCst);
            Ok(n)
        });
        go!(in group.clone() => fetch("x"));
        assert_eq!(group.wait(), fetch("x").map(drop));
        assert_eq!(seen.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn a_storm_of_groups_returns_one_error_each_and_leaves_no_goroutine() {
    everywhere(|peers| {
        let before = csp::runtime::num_goroutine();
        let (parent, cancel) = Context::background().with_cancel();
        let workers: Vec<_> = (0..4_u32)
            .map(|worker| {
                let parent = parent.clone();
                peers.spawn(move || {
                    for round in 0..60 {
                        let (group, ctx) = ErrGroup::with_context(&parent);
                        group.set_limit((round % 5 + 1) as usize);
                        for n in 0..12 {
                            go!(in group, clone(ctx) => {
                                if n == round % 12 {
                                    return Err((worker, round));
                                }
                                // The one that fails is among the first to get a place, or gets one by an end of these.
                                if n < round % 12 {
                                    csp::yield_now();
                                } else {
                                    ctx.done().recv();
                                }
                                Ok(())
                            });
                        }
                        assert_eq!(group.wait(), Err((worker, round)));
                        assert_eq!(ctx.err(), CANCELED);
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(Peer::join);
        cancel.cancel();
        until(|| csp::runtime::num_goroutine() <= before);
    });
}

#[test]
fn waiting_in_a_destructor_while_unwinding_lets_the_panic_go_on() {
    struct Waits(ErrGroup<&'static str>);
    impl Drop for Waits {
        fn drop(&mut self) {
            assert_eq!(self.0.wait(), Err("an error"));
        }
    }
    everywhere(|_| {
        let group = ErrGroup::new();
        group.go(|| Err::<(), _>("an error"));
        go!(in group => { if true { panic!("on purpose") } else { Ok(()) } });
        let text = panic_of(|| {
            let _waits = Waits(group.clone());
            if true {
                panic!("its own");
            }
        });
        assert_eq!((text.as_str(), group.wait()), ("its own", Ok(())));
    });
}

#[test]
fn an_error_whose_destructor_panics_is_one_more_panic() {
    #[derive(Debug, PartialEq)]
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                panic!("in a destructor");
            }
        }
    }
    everywhere(|_| {
        let group = ErrGroup::new();
        group.go(|| Err::<(), _>(Bomb(false)));
        until(|| group.context().err().is_some());
        for _ in 0..2 {
            group.go(|| Err::<(), _>(Bomb(true)));
        }
        assert_eq!(panic_of(|| group.wait()), "in a destructor");
        assert_eq!(group.wait(), Ok(()));
    });
}

#[test]
fn the_error_is_not_the_cause_of_the_context() {
    everywhere(|_| {
        let group = ErrGroup::new();
        group.go(|| Err::<(), _>("boom"));
        assert_eq!(group.wait(), Err("boom"));
        let cause = group.context().cause().unwrap();
        assert_eq!(cause.to_string(), "context canceled");
    });
}

#[test]
fn a_group_that_is_dropped_without_wait_cancels_nothing() {
    everywhere(|_| {
        let (group, ctx) = ErrGroup::<()>::with_context(&Context::background());
        let (tx, rx) = channel(0);
        let (go_on, told) = channel::<()>(0);
        go!(in group, clone(ctx) => {
            told.recv();
            let _ = tx.send(ctx.err());
            Err::<(), _>(())
        });
        drop(group);
        drop(go_on);
        assert_eq!(rx.recv(), Some(None));
        // Its error is known to nobody, but has cancelled.
        assert_eq!((ctx.done().recv(), ctx.err()), (None, CANCELED));
    });
}
