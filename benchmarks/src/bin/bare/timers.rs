//! `timers`: the stacks of all who would sleep; there is nobody to be late.
//!
//! What the peers take beyond the second is about what it takes to start all: the last to be started has a long sleep
//! before it, or one nearly as late has. A stack whose task has slept can serve another, but while all are being started few
//! have.

use std::mem;
use std::time::Instant;

use csp_benchmarks::{TIMERS, report};

use crate::stacks;

pub(crate) fn run() {
    let start = Instant::now();
    let stacks = stacks::make(TIMERS);
    report::value("wall_extra_ms", report::ms(start.elapsed()));
    // They end with the process, as the peers' tasks do.
    mem::forget(stacks);
}
