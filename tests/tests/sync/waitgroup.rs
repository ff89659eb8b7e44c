//! WaitGroup: counts up, counts down, wakes everybody at zero, and can be used again.

use csp::{WaitGroup, channel, go};
use csp_tests::{everywhere, settle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn wait_with_nothing_to_wait_for_returns() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        wg.wait();
        wg.add(1);
        wg.done();
        wg.wait();
    });
}

#[test]
fn wait_returns_after_the_last_done() {
    everywhere(|peers| {
        let wg = WaitGroup::new();
        let count = Arc::new(AtomicUsize::new(0));
        wg.add(8);
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let (wg, count) = (wg.clone(), Arc::clone(&count));
                peers.spawn(move || {
                    settle();
                    count.fetch_add(1, Ordering::SeqCst);
                    wg.done();
                })
            })
            .collect();
        wg.wait();
        assert_eq!(count.load(Ordering::SeqCst), 8);
        workers.into_iter().for_each(csp_tests::Peer::join);
    });
}

#[test]
fn every_waiter_is_woken() {
    everywhere(|peers| {
        let wg = WaitGroup::new();
        wg.add(1);
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let wg = wg.clone();
                peers.spawn(move || wg.wait())
            })
            .collect();
        settle();
        assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
        wg.done();
        waiters.into_iter().for_each(csp_tests::Peer::join);
    });
}

#[test]
fn it_can_be_used_again() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        let count = Arc::new(AtomicUsize::new(0));
        for round in 1..=50 {
            for _ in 0..4 {
                go!(in wg, clone(count) => count.fetch_add(1, Ordering::SeqCst));
            }
            wg.wait();
            assert_eq!(count.load(Ordering::SeqCst), 4 * round);
        }
    });
}

#[test]
fn a_negative_counter_panics_with_the_words_of_go() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        let payload = catch_unwind(AssertUnwindSafe(|| wg.done())).unwrap_err();
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        assert_eq!(text.as_deref(), Some("sync: negative WaitGroup counter"));
    });
}

#[test]
fn go_adds_and_is_done() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let count = Arc::clone(&count);
            wg.go(move || {
                settle();
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
        wg.wait();
        assert_eq!(count.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn a_goroutine_that_panics_is_done() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        wg.go(|| panic!("on purpose"));
        go!(in wg => { panic!("on purpose") });
        wg.wait();
    });
}

#[test]
fn adding_while_counting_is_seen_by_the_waiter() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        let (tx, rx) = channel(100);
        // Each one starts the next before it is done, so the counter never touches zero on the way.
        fn step(n: u32, wg: WaitGroup, tx: csp::Sender<u32>) {
            tx.send(n).unwrap();
            if n > 0 {
                go!(in wg, clone(wg, tx) => { step(n - 1, wg, tx) });
            }
        }
        go!(in wg, clone(wg) => { step(40, wg, tx) });
        wg.wait();
        assert_eq!(rx.len(), 41);
    });
}
