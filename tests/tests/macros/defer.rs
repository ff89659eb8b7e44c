//! defer! runs at the end of its block, last in first out, however the block ends.

use csp::{channel, defer, go};
use csp_tests::everywhere;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn deferred_blocks_run_last_in_first_out() {
    let log = RefCell::new(Vec::new());
    {
        defer! { log.borrow_mut().push(1) }
        defer! { log.borrow_mut().push(2); }
        log.borrow_mut().push(3);
    }
    assert_eq!(log.into_inner(), [3, 2, 1]);
}

#[test]
fn a_deferred_block_belongs_to_the_enclosing_block() {
    let log = RefCell::new(Vec::new());
    for i in 0..2 {
        defer! { log.borrow_mut().push(i + 10) }
        log.borrow_mut().push(i);
    }
    assert_eq!(log.into_inner(), [0, 10, 1, 11]);
}

#[test]
fn deferred_blocks_run_on_early_return() {
    fn leaves(log: &RefCell<Vec<u8>>, early: bool) -> Option<()> {
        defer! { log.borrow_mut().push(9) }
        (!early).then_some(())?;
        log.borrow_mut().push(1);
        Some(())
    }
    let log = RefCell::new(Vec::new());
    leaves(&log, true);
    leaves(&log, false);
    assert_eq!(log.into_inner(), [9, 1, 9]);
}

#[test]
fn deferred_blocks_run_on_panic() {
    let log = RefCell::new(Vec::new());
    let result = catch_unwind(AssertUnwindSafe(|| {
        defer! { log.borrow_mut().push(1) }
        defer! { log.borrow_mut().push(2) }
        panic!("on purpose")
    }));
    assert!(result.map(|(): ()| ()).is_err());
    assert_eq!(log.into_inner(), [2, 1]);
}

#[test]
fn a_deferred_block_may_block_and_close() {
    everywhere(|_| {
        let (tx, rx) = channel(0);
        let (done_tx, done) = channel(0);
        let handle = go!({
            defer! { done_tx.send("done").unwrap() }
            defer! { tx.close() }
            tx.send(1).unwrap();
        });
        assert_eq!(
            (rx.recv(), rx.recv(), done.recv()),
            (Some(1), None, Some("done"))
        );
        handle.join().unwrap();
    });
}

#[test]
fn a_deferred_send_during_a_panic_arrives() {
    everywhere(|_| {
        // The goroutine parks while it unwinds: the panic count must stay with it.
        let (tx, rx) = channel(0);
        let handle = go!({
            defer! { tx.send(std::thread::panicking()).unwrap() }
            panic!("on purpose")
        });
        csp_tests::settle();
        assert!(!std::thread::panicking());
        assert_eq!(rx.recv(), Some(true));
        assert!(handle.join().map(|(): ()| ()).is_err());
        assert!(!std::thread::panicking());
    });
}
