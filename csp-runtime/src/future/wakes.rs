//! The goroutine that calls the wakers of futures; see `waitlist` for why nobody else on a goroutine does.
//!
//! It is started with the first future that waits, and stays. It is left out of the number of goroutines, and out of their
//! list while it has nothing to do; there it is `csp-wakes`. A waker that panics does it no harm; one that waits holds up
//! the others, as in any executor.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sched;
use crate::task::{self, Options};
use crate::wait::{Lease, Task};

/// What a future needs to wait.
pub(super) fn lease() -> Lease {
    static STARTED: AtomicBool = AtomicBool::new(false);
    // Whoever comes second need not wait for the start: wakes are queued meanwhile.
    if !STARTED.load(Ordering::Relaxed) && !STARTED.swap(true, Ordering::Relaxed) {
        start(&STARTED);
    }
    Lease::take()
}

#[cold]
#[track_caller]
fn start(started: &AtomicBool) {
    let at = Location::caller();
    let options = Options {
        name: Some("csp-wakes".to_owned()),
        stack: None,
        site: at,
        id: None,
    };
    let spawned = task::spawn(options, move || {
        loop {
            Task::wake_next(at);
        }
    });
    if let Err(error) = spawned {
        started.store(false, Ordering::Relaxed);
        panic!("{error}");
    }
    sched::leave_out_of_number();
}
