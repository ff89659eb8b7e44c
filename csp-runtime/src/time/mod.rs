//! Sleeping, and channels on which the clock sends.
//!
//! All durations are measured on the monotonic clock. A sleeping goroutine takes no thread: its P
//! keeps the deadline in a heap. A duration too long to add to the clock means for ever.

mod ticker;
mod timer;

pub use ticker::{Ticker, tick};
pub use timer::{Timer, after};

use std::panic::Location;
use std::time::Duration;

use crate::goroutine::Reason;
use crate::primitive::clock;
use crate::primitive::section;
use crate::sched;
use crate::wait::Task;

/// Lets the calling goroutine, or thread, sleep for at least `d`. Zero lets others run.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// csp::time::sleep(Duration::from_millis(5));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
#[track_caller]
pub fn sleep(d: Duration) {
    if d.is_zero() {
        sched::yield_now();
        return;
    }
    let at = Location::caller();
    Task::warm_up();
    let _inside = section::enter();
    let task = Task::current();
    let wait = task.ticket().open();
    task.park_until(wait, clock::deadline(d), Reason::Sleep, at);
    let _ = task.ticket().close(wait);
}
