//! The runtime as a whole: its size, its view from threads and goroutines, its attributes, its bridge.

use csp::runtime::{goid, gomaxprocs, num_cpu};
use csp::{WaitGroup, channel, go};
use csp_tests::{LIMIT, alone, everywhere, settle, until, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

#[test]
fn gomaxprocs_returns_what_was_set_before() {
    alone(|| {
        let first = gomaxprocs(None);
        assert!(first >= 1);
        assert_eq!(gomaxprocs(Some(3)), first);
        assert_eq!(gomaxprocs(None), 3);
        assert_eq!(gomaxprocs(Some(1)), 3);
        assert_eq!(gomaxprocs(None), 1);
    });
}

#[test]
fn the_number_of_ps_may_change_while_work_runs() {
    alone(|| {
        within(LIMIT, || {
            let (tx, rx) = channel(0);
            let stop = Arc::new(AtomicBool::new(false));
            let wg = WaitGroup::new();
            for _ in 0..4 {
                go!(in wg, clone(tx, stop) => {
                    while !stop.load(Ordering::Relaxed) && tx.send(1usize).is_ok() {}
                });
            }
            drop(tx);
            let total = go!({ rx.iter().sum::<usize>() });
            for n in [1, 4, 2, 16, 1, 3, 8, 1, 2].into_iter().cycle().take(90) {
                gomaxprocs(Some(n));
                assert_eq!(gomaxprocs(None), n);
                go!({}).join().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            wg.wait();
            assert!(total.join().unwrap() > 0);
        });
    });
}

#[test]
fn goroutines_change_the_number_of_ps_too() {
    alone(|| {
        within(LIMIT, || {
            let wg = WaitGroup::new();
            for n in 1..=8 {
                go!(in wg => {
                    for i in 0..10 {
                        gomaxprocs(Some(1 + (n + i) % 5));
                        csp::yield_now();
                    }
                });
            }
            wg.wait();
        });
    });
}

#[test]
fn more_ps_run_more_goroutines_at_a_time() {
    alone(|| {
        within(LIMIT, || {
            gomaxprocs(Some(2));
            // Each waits for the other without giving up its P.
            let here = Arc::new(AtomicUsize::new(0));
            let wg = WaitGroup::new();
            for _ in 0..2 {
                go!(in wg, clone(here) => {
                    here.fetch_add(1, Ordering::SeqCst);
                    while here.load(Ordering::SeqCst) < 2 {
                        std::hint::spin_loop();
                    }
                });
            }
            wg.wait();
        });
    });
}

#[test]
fn there_is_a_processor() {
    assert!(num_cpu() >= 1);
}

#[test]
fn a_plain_thread_has_goid_zero_and_a_goroutine_its_own() {
    everywhere(|_| {
        assert_eq!(thread::spawn(goid).join().unwrap(), 0);
        let handle = go!({
            (goid(), {
                csp::yield_now();
                goid()
            })
        });
        let id = handle.id();
        assert_eq!(handle.join().unwrap(), (id, id));
    });
}

#[test]
fn yield_now_works_on_a_plain_thread() {
    csp::yield_now();
    csp::runtime::yield_now();
}

#[test]
fn dump_lists_goroutines_by_name() {
    everywhere(|_| {
        let (tx, rx) = channel::<()>(0);
        let parked = go!(name("stalactite") => rx.recv());
        csp_tests::settle();
        let mut text = Vec::new();
        let _ = csp::runtime::dump(&mut text);
        let text = String::from_utf8(text).expect("the dump is text");
        assert!(
            text.contains("stalactite") && text.contains("runtime.rs:"),
            "{text}"
        );
        drop(tx);
        parked.join().unwrap();
    });
}

#[csp::test]
fn a_test_function_runs_as_a_goroutine() {
    assert_ne!(goid(), 0);
    let (tx, rx) = channel(0);
    go!({ tx.send(1).unwrap() });
    assert_eq!(rx.recv(), Some(1));
}

#[csp::test]
#[should_panic(expected = "this is expected")]
fn a_test_function_may_be_expected_to_panic() {
    csp::yield_now();
    panic!("this is expected");
}

#[csp::test]
fn a_test_function_may_return_a_result() -> Result<(), std::num::ParseIntError> {
    let n: u32 = go!("5".parse::<u32>()).join().unwrap()?;
    assert_eq!(n, 5);
    Ok(())
}

#[csp::test(stack = 1 << 20)]
fn a_test_function_may_have_options() {
    assert_ne!(goid(), 0);
}

#[test]
fn a_bridge_delivers_everything_in_order_and_closes() {
    everywhere(|_| {
        for bounded in [true, false] {
            let (tx, rx) = if bounded {
                crossbeam_channel::bounded(3)
            } else {
                crossbeam_channel::unbounded()
            };
            let rx = csp::bridge::from_crossbeam(rx);
            // A crossbeam send blocks its thread, so the sender has one of its own.
            let sender = thread::spawn(move || (0..500).for_each(|i| tx.send(i).unwrap()));
            assert!(rx.iter().eq(0..500));
            assert_eq!(rx.recv(), None);
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_bridge_ends_when_its_receivers_are_gone() {
    everywhere(|_| {
        let (tx, rx) = crossbeam_channel::bounded(0);
        let bridged = csp::bridge::from_crossbeam(rx);
        drop(bridged);
        until(|| {
            matches!(
                tx.try_send(1),
                Err(crossbeam_channel::TrySendError::Disconnected(_))
            )
        });
    });
}

#[test]
fn a_bridge_leaves_behind_what_nobody_received() {
    everywhere(|_| {
        let (tx, rx) = crossbeam_channel::unbounded();
        let bridged = csp::bridge::from_crossbeam(rx.clone());
        tx.send(5).unwrap();
        settle();
        drop(bridged);
        // The helper lets go of its receiver once it has seen that nobody listens.
        assert_eq!(rx.recv_timeout(LIMIT), Ok(5));
    });
}

#[test]
fn a_bridge_is_an_arm_of_select() {
    everywhere(|_| {
        let (tx, rx) = crossbeam_channel::unbounded();
        let rx = csp::bridge::from_crossbeam(rx);
        let (_quiet_tx, quiet) = channel::<u8>(0);
        tx.send(9).unwrap();
        let got = csp::select! { v = <-rx => v, v = <-quiet => v };
        assert_eq!(got, Some(9));
    });
}
