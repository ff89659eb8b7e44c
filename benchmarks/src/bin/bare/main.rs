//! What the system alone takes for some of the workloads: the floor below csp, and below whoever works as it does.
//!
//! No peer: nothing of a runtime is in here, no tasks and no channels, and nobody would write programs like this. One thread
//! makes the system calls that a workload cannot do without, whatever `GOMAXPROCS` says, and prints what the peers print,
//! to be run in turn with them. There is a file for each workload in which the system's share is large.
//!
//! `physical` measures single calls for their own sake, where nothing disturbs them; here they are as many as in the
//! workload, in the same minutes.

mod http;
mod parked;
mod stacks;
mod timers;

use csp_benchmarks::program::{self, entry};

fn main() {
    program::main(vec![
        entry("timers", "", timers::run),
        entry("parked", "", parked::run),
        entry("http-server", "", http::run),
    ]);
}
