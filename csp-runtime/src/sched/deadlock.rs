//! Noticing that nothing will ever happen again: every goroutine waits, and nobody is left to wake one.
//!
//! sysmon asks, when it has found everything idle for a while. The answer is yes only if all of this
//! holds:
//! - a `#[csp::main]` or `#[csp::test]` function is running, so that somebody is waiting for it;
//! - every P in service is idle, no queue holds a goroutine and no timer is pending;
//! - the process has no thread but the runtime's own and those that wait for such a function;
//! - from a look before the threads were counted to one after, no goroutine was picked to run.
//!
//! - nobody waits for a socket;
//! - no goroutine is in a call that blocks and during which its P was taken away.
//!
//! Without a P no goroutine runs; without other threads nothing else can make one ready. A call that
//! blocks its thread, a bridge's helper, a thread of the program: each keeps a P busy or is a thread of
//! its own, and so is no deadlock. Where the number of threads cannot be read, the answer is no.

use std::sync::OnceLock;

use crate::netpoll;
use crate::primitive::clock::NEVER;
use crate::primitive::sync::{AtomicU32, Ordering};
use crate::sched::creator;
use crate::sched::shared::scheduler;

/// Threads of the runtime beside the Ms: creator and sysmon.
const SERVICE_THREADS: u32 = 2;

/// Ms whose thread was started.
static MACHINES: AtomicU32 = AtomicU32::new(0);
/// Main and test functions that run; for each a thread waits.
static WATCHED: AtomicU32 = AtomicU32::new(0);
/// Prints the report and ends the process.
static REPORT: OnceLock<fn() -> !> = OnceLock::new();

/// The calling goroutine runs a main or test function while this exists. It is made and dropped by that
/// goroutine, which keeps a P busy meanwhile: before and after, there is nobody to wait for ever.
pub(crate) struct Watch;

impl Watch {
    /// Begins to watch; a deadlock is reported through `report`.
    pub(crate) fn start(report: fn() -> !) -> Self {
        REPORT.get_or_init(|| report);
        WATCHED.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An M's thread has been started.
pub(super) fn count_machine() {
    MACHINES.fetch_add(1, Ordering::SeqCst);
}

/// Whether a main or test function runs.
pub(super) fn is_watching() -> bool {
    WATCHED.load(Ordering::SeqCst) > 0
}

/// Reports a deadlock if there is one.
pub(super) fn check() {
    if !is_watching() {
        return;
    }
    // A timeout that was not needed any more would otherwise pass for a sleeper.
    for p in scheduler().all() {
        if p.timers.next() != NEVER {
            p.timers.drop_stale();
        }
    }
    let Some(picks) = picks_if_quiet() else {
        return;
    };
    // Each of the runtime's threads is counted when it exists, and read before all threads are: a
    // mistake is on the side of no report.
    let own = MACHINES.load(Ordering::SeqCst) + SERVICE_THREADS + WATCHED.load(Ordering::SeqCst);
    if threads() == Some(own)
        && picks_if_quiet() == Some(picks)
        && let Some(report) = REPORT.get()
    {
        report();
    }
}

/// If no goroutine runs, is queued or sleeps: how many were ever picked to run. If that number is the
/// same later, none ran in between, and so none has started or ended a thread or a watch.
fn picks_if_quiet() -> Option<u64> {
    let sched = scheduler();
    let lists = sched.lists();
    let in_service = sched
        .all()
        .filter(|p| !p.retired.load(Ordering::Relaxed))
        .count();
    let quiet = lists.idle_procs.len() == in_service
        && sched.all().all(|p| !p.has_work())
        && !sched.has_global()
        && netpoll::waiters() == 0
        && sched.away.load(Ordering::SeqCst) == 0
        && !creator::is_moving_timers()
        && sched.next_timer() == NEVER;
    quiet.then(|| {
        sched
            .all()
            .map(|p| u64::from(p.tick.load(Ordering::Relaxed)))
            .sum()
    })
}

/// How many threads the process has.
fn threads() -> Option<u32> {
    let status = std::fs::read("/proc/self/status").ok()?;
    let line = status
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Threads:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_number_of_threads_is_read() {
        assert!(super::threads().is_some_and(|threads| threads > 0));
    }
}
