//! The workloads on operating-system threads, with the channels of crossbeam and the mutex of the standard library.
//!
//! The kernel is the scheduler: the process is bound to as many processors as the others have workers, which the threads
//! inherit. What is missing, `skynet`, `timers` and `parked`, needs more threads at once than the machine gives a process;
//! `deep` is here, and needs more stack than a thread has by default.

mod deep;
mod hog;
mod http;
mod mutex;
mod pingpong;
mod ring;
mod select2;
mod select8;
mod sieve;
mod spawn;
mod stream;
mod stream44;
mod wakeup;
mod yielding;

use csp_benchmarks::program::{self, entry, workers};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

fn main() {
    bind_to(workers());
    program::main(vec![
        entry("spawn", "", spawn::run),
        entry("yield", "", yielding::run),
        entry("pingpong", "", pingpong::run),
        entry("stream", "", stream::run),
        entry("stream44", "", stream44::run),
        entry("select2", "", select2::run),
        entry("select8", "", select8::run),
        entry("mutex", "", mutex::run),
        entry("sieve", "", sieve::run),
        entry("ring", "", ring::run),
        entry("deep", "", deep::run),
        entry("hog", "", hog::run),
        entry("wakeup", "", wakeup::run),
        entry("http-server", "", http::run),
    ]);
}

/// Binds this thread, and all that it starts, to the first `count` of the processors that it may use.
fn bind_to(count: usize) {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).expect("the affinity can be read");
    let mut chosen = CpuSet::new();
    let usable = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu) == Ok(true));
    for cpu in usable.take(count) {
        chosen.set(cpu).expect("the number is in range");
    }
    sched_setaffinity(this, &chosen).expect("the affinity can be set");
}
