//! Calls that block a thread, and goroutines that keep one: marked with `blocking`, or locked.

use csp::time::sleep;
use csp::{channel, go};
use csp_tests::{LIMIT, everywhere, with_procs, within};
use std::thread;
use std::time::Duration;

#[test]
fn blocking_calls_do_not_hold_up_goroutines() {
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let (tx, rx) = std::sync::mpsc::channel::<u8>();
            let calls: Vec<_> = (0..3).map(|_| go!({ csp::blocking(|| 1) })).collect();
            let blocked = go!({ csp::blocking(move || rx.recv().unwrap()) });
            go!({ tx.send(7).unwrap() }).join().unwrap();
            assert_eq!(blocked.join().unwrap(), 7);
            assert!(calls.into_iter().all(|call| call.join().unwrap() == 1));
        });
    });
}

#[test]
fn a_panic_inside_a_blocking_call_reaches_join() {
    everywhere(|_| {
        let handle = go!({ csp::blocking(|| panic!("on purpose")) });
        assert!(handle.join().map(|(): ()| ()).is_err());
    });
}

#[test]
fn a_locked_goroutine_stays_on_its_thread() {
    everywhere(|_| {
        let handle = go!({
            let _locked = csp::runtime::lock_os_thread();
            let home = thread::current().id();
            (0..50).all(|_| {
                csp::yield_now();
                go!({}).join().unwrap();
                thread::current().id() == home
            })
        });
        assert!(handle.join().unwrap());
    });
}

#[test]
fn a_hog_among_the_woken_does_not_delay_the_other_sleepers() {
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let (tx, rx) = channel::<()>(0);
            // Woken first, it then blocks its thread; the other must wake without it.
            let hog = go!({
                sleep(Duration::from_millis(1));
                csp::blocking(move || rx.recv());
            });
            go!(sleep(Duration::from_millis(2))).join().unwrap();
            drop(tx);
            hog.join().unwrap();
        });
    });
}
