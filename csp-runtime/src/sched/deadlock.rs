//! Noticing that nothing will ever happen again: every goroutine waits, and nobody is left to wake one.
//!
//! sysmon asks, when it has found everything idle for a while. The answer is yes only if all of this
//! holds at one moment, under the lock of the idle lists:
//! - a `#[csp::main]` or `#[csp::test]` function is running, so that somebody is waiting for it;
//! - all Ps are idle, no queue holds a goroutine and no timer is pending;
//! - the process has no thread but the runtime's own and those that wait for such a function.
//!
//! Without a P no goroutine runs; without other threads nothing else can make one ready. A call that
//! blocks its thread, a bridge's helper, a thread of the program: each keeps a P busy or is a thread of
//! its own, and so is no deadlock. Where the number of threads cannot be read, the answer is no.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

use crate::primitive::clock::NEVER;
use crate::primitive::sync::{AtomicU32, Ordering};
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

/// An M's thread is about to be started.
pub(super) fn count_machine() {
    MACHINES.fetch_add(1, Ordering::SeqCst);
}

/// It was refused.
pub(super) fn uncount_machine() {
    MACHINES.fetch_sub(1, Ordering::SeqCst);
}

/// Whether a main or test function runs.
pub(super) fn is_watching() -> bool {
    WATCHED.load(Ordering::SeqCst) > 0
}

/// Reports a deadlock if there is one.
pub(super) fn check() {
    let watched = WATCHED.load(Ordering::SeqCst);
    if watched == 0 {
        return;
    }
    let own = || MACHINES.load(Ordering::SeqCst) + SERVICE_THREADS + watched;
    if threads() != Some(own()) {
        return;
    }
    // A timeout that was not needed any more would otherwise pass for a sleeper.
    for p in scheduler().all() {
        if p.timers.next() != NEVER {
            p.timers.drop_stale();
        }
    }
    if !is_quiet() {
        return;
    }
    // A thread that ended between the two looks may have left something to do before it did.
    if threads() == Some(own())
        && is_quiet()
        && WATCHED.load(Ordering::SeqCst) == watched
        && let Some(report) = REPORT.get()
    {
        report();
    }
}

/// Whether no goroutine runs, is queued or sleeps.
fn is_quiet() -> bool {
    let sched = scheduler();
    let lists = sched.lists();
    let idle = lists.idle_procs.len() == sched.procs.load(Ordering::Relaxed) as usize;
    idle && sched.all().all(|p| !p.has_work())
        && sched.global.is_empty()
        && sched.next_timer() == NEVER
}

/// How many threads the process has.
fn threads() -> Option<u32> {
    let mut text = [0; 2048];
    let mut len = 0;
    let mut file = File::open("/proc/self/status").ok()?;
    while len < text.len() {
        match file.read(&mut text[len..]).ok()? {
            0 => break,
            read => len += read,
        }
    }
    let text = std::str::from_utf8(&text[..len]).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_number_of_threads_is_read() {
        assert!(super::threads().is_some_and(|threads| threads > 0));
    }
}
