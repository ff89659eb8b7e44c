//! Asking for a report while the program runs, from a signal handler.
//!
//! The handler may only set a flag and wake a thread. It wakes sysmon, which is there whatever the
//! goroutines do, and looks at the flag with each round; sysmon takes no memory while goroutines run,
//! so it passes the request on to the creator.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sched::{creator, sysmon};

/// A report is wanted, and not passed on yet.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Makes the report and ends the process. Set before anybody asks.
static REPORT: OnceLock<fn() -> !> = OnceLock::new();

/// Says what to do when somebody asks; the first call counts.
pub(crate) fn prepare(report: fn() -> !) {
    REPORT.get_or_init(|| report);
}

/// Asks for the report. Async-signal-safe: two exchanges and one system call.
pub(crate) fn ask() {
    ASKED.store(true, Ordering::Release);
    // The token stays if sysmon is awake, so that it looks once more before it sleeps.
    sysmon::unpark();
}

/// Passes a request on to the creator; on sysmon.
pub(super) fn pass_on() {
    if ASKED.load(Ordering::Acquire) && creator::request_report() {
        ASKED.store(false, Ordering::Relaxed);
    }
}

/// Makes the report; on the creator.
pub(super) fn report() {
    if let Some(report) = REPORT.get() {
        report();
    }
}
