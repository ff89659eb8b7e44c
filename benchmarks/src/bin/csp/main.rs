//! The workloads on csp, as its users write them: `go!`, channels, `select!`, wait groups.
//!
//! The workloads run in the main goroutine, as Go's do. What each is, `src/lib.rs` says.

mod deep;
mod hog;
mod http;
mod mutex;
mod parked;
mod pingpong;
mod ring;
mod select2;
mod select8;
mod sieve;
mod skynet;
mod spawn;
mod stream;
mod stream44;
mod timers;
mod wakeup;
mod yielding;

use csp_benchmarks::program::{self, entry};

#[csp::main]
fn main() {
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
        entry("skynet", "", skynet::run),
        entry("timers", "", timers::run),
        entry("parked", "", parked::run),
        entry("deep", "", deep::run),
        entry("hog", "", hog::run),
        entry("wakeup", "", wakeup::run),
        entry("http-server", "", http::run),
    ]);
}
