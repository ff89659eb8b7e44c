//! What the machine charges for the few things that no runtime can do without: below that, no figure of a workload can be.
//!
//! Prints a line `METRIC VALUE` for each charge, in nanoseconds for one. A value is the least of [`ROUNDS`] rounds, and each
//! round the mean of many: whatever else the machine does can only add to it. What the system cannot do, or what needs a
//! second processor where there is one only, is not printed.
//!
//! Nothing of a runtime is in here, ours or another's: two plain threads, each bound to a processor of its own, and system
//! calls, in the way that a runtime makes them where it has the choice (one call for many ranges of memory).

mod memory;
mod processors;
mod system;

use csp_benchmarks::report;

/// How often each is measured.
const ROUNDS: usize = 20;

fn main() {
    let second = processors::bind_to_first();
    print("locked-ns", || Some(processors::locked()));
    if let Some(second) = second {
        print("line-ns", || Some(processors::line(second)));
    }
    print("syscall-ns", || Some(processors::syscall()));
    if let Some(second) = second
        && system::register_barrier()
    {
        print("membarrier-ns", || processors::membarrier(second));
    }
    if let Some(second) = second {
        print("futex-ns", || processors::futex(second));
    }
    let mut kept = Vec::new();
    print("touch-ns", || memory::touch(&mut kept));
    print("fill-ns", || memory::fill(&mut kept));
    print("populate-ns", || memory::populate(&mut kept));
    print("guard-ns", || memory::guard(&mut kept));
    print("fresh-ns", || memory::fresh(&mut kept));
}

/// Prints the least of all rounds that have a value.
fn print(metric: &str, mut round: impl FnMut() -> Option<f64>) {
    let least = (0..ROUNDS).filter_map(|_| round()).min_by(f64::total_cmp);
    if let Some(least) = least {
        report::value(metric, least);
    }
}
