//! The workloads on may: stackful coroutines, and its own channels, mutex and wait group.
//!
//! may has channels without a limit only, so there is no rendezvous, and a sender is never held back. Where this matters
//! there are two variants: `unbounded` uses its channels as they are, which is what one would write if the workload did
//! not ask for a limit, and does less than the others; `bounded` adds the limit, see [`bounded`]. Where at most
//! one message is on its way anyway, or as many as there are receives, there is one variant.
//!
//! Stacks have may's default size, 32 KiB, which is enough for each workload but `deep`. The pool of stacks has its default
//! size, and workers are bound to processors, may's default too.
//!
//! `main` is a coroutine, as Go's is a goroutine.

mod bounded;
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

use csp_benchmarks::program::{self, Entry, entry, workers};
use may::go;

fn main() {
    may::config().set_workers(workers());
    program::main(vec![
        coroutine("spawn", "", spawn::run),
        coroutine("yield", "", yielding::run),
        coroutine("pingpong", "", pingpong::run),
        coroutine("stream", "unbounded", stream::unbounded),
        coroutine("stream", "bounded", stream::bounded),
        coroutine("stream44", "unbounded", stream44::unbounded),
        coroutine("stream44", "bounded", stream44::bounded),
        coroutine("select2", "unbounded", select2::unbounded),
        coroutine("select2", "bounded", select2::bounded),
        coroutine("select8", "unbounded", select8::unbounded),
        coroutine("select8", "bounded", select8::bounded),
        coroutine("mutex", "", mutex::run),
        coroutine("sieve", "", sieve::run),
        coroutine("ring", "", ring::run),
        coroutine("skynet", "", skynet::run),
        coroutine("timers", "", timers::run),
        coroutine("parked", "", parked::run),
        coroutine("deep", "", deep::run),
        coroutine("hog", "", hog::run),
        coroutine("wakeup", "", wakeup::run),
        coroutine("http-server", "", http::run),
    ]);
}

fn coroutine(workload: &'static str, variant: &str, run: fn()) -> Entry {
    entry(workload, variant, move || {
        go!(run).join().expect("the workload does not panic");
    })
}
