//! `parked`: the stacks of all who would wait, and nobody on them.

use std::mem;
use std::time::Instant;

use csp_benchmarks::{PARKED_TASKS, memory, report};

use crate::stacks;

pub(crate) fn run() {
    let before = memory::resident();
    let start = Instant::now();
    let stacks = stacks::make(PARKED_TASKS);
    report::per_op(start, PARKED_TASKS);
    report::value("bytes", (memory::resident() - before) / PARKED_TASKS as f64);
    // They end with the process, as the peers' tasks do.
    mem::forget(stacks);
}
