//! What the scheduler has counted, for reports.

use crate::primitive::sync::Ordering;
use crate::sched::shared::scheduler;
use crate::sched::{Machine, preempt, retake, scavenge};

/// Numbers; see `diag::metrics` for what they mean.
pub(crate) struct Counts {
    pub(crate) idle_procs: usize,
    pub(crate) threads: usize,
    pub(crate) asked: u64,
    pub(crate) stops: u64,
    pub(crate) handoffs: u64,
    pub(crate) slots_given_back: u64,
    pub(crate) parked_trimmed: u64,
}

/// The numbers now.
pub(crate) fn counts() -> Counts {
    let (asked, stops) = preempt::counts();
    let idle = scheduler().idle.idle();
    let (slots_given_back, parked_trimmed) = scavenge::counts();
    Counts {
        slots_given_back,
        parked_trimmed,
        idle_procs: idle.min(scheduler().procs.load(Ordering::Relaxed)) as usize,
        threads: Machine::all().count(),
        asked,
        stops,
        handoffs: retake::count(),
    }
}
