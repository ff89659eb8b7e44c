//! The workloads on tokio, in variants, of which the best counts.
//!
//! A variant is a runtime and, where one matters, a channel or a lock: `current` is the runtime of one thread, which is there
//! for one worker only, `multi` the one with work stealing. The channels are tokio's own `mpsc`, `flume` and
//! `async-channel`, used as each is meant to be.
//!
//! flume has channels without a buffer. The other two have none, and where the workload asks for one they have a capacity of
//! 1: a sender is one message ahead, which is less work than a rendezvous. tokio's `mpsc` has one receiver, and is missing
//! where there are several.
//!
//! `main` is a task, as Go's is a goroutine: the future that `block_on` runs is not on a worker.

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

use std::mem;

use csp_benchmarks::program::{self, Entry, entry, workers};
use tokio::runtime::{Builder, Runtime};

fn main() {
    let mut list = Vec::new();
    add(&mut list, "spawn", "", spawn::run);
    add(&mut list, "yield", "", yielding::run);
    add(&mut list, "pingpong", "mpsc", pingpong::mpsc);
    add(&mut list, "pingpong", "flume", pingpong::flume);
    add(
        &mut list,
        "pingpong",
        "async-channel",
        pingpong::async_channel,
    );
    add(&mut list, "stream", "mpsc", stream::mpsc);
    add(&mut list, "stream", "flume", stream::flume);
    add(&mut list, "stream", "async-channel", stream::async_channel);
    add(&mut list, "stream44", "flume", stream44::flume);
    add(
        &mut list,
        "stream44",
        "async-channel",
        stream44::async_channel,
    );
    add(&mut list, "select2", "mpsc", select2::mpsc);
    add(&mut list, "select2", "flume", select2::flume);
    add(
        &mut list,
        "select2",
        "async-channel",
        select2::async_channel,
    );
    add(&mut list, "select8", "mpsc", select8::mpsc);
    add(&mut list, "select8", "flume", select8::flume);
    add(
        &mut list,
        "select8",
        "async-channel",
        select8::async_channel,
    );
    add(&mut list, "mutex", "tokio", mutex::tokio);
    add(&mut list, "mutex", "std", mutex::std);
    add(&mut list, "sieve", "mpsc", sieve::mpsc);
    add(&mut list, "sieve", "flume", sieve::flume);
    add(&mut list, "sieve", "async-channel", sieve::async_channel);
    add(&mut list, "ring", "mpsc", ring::mpsc);
    add(&mut list, "ring", "flume", ring::flume);
    add(&mut list, "ring", "async-channel", ring::async_channel);
    add(&mut list, "skynet", "mpsc", skynet::mpsc);
    add(&mut list, "skynet", "flume", skynet::flume);
    add(&mut list, "skynet", "async-channel", skynet::async_channel);
    add(&mut list, "timers", "", timers::run);
    add(&mut list, "parked", "mpsc", parked::mpsc);
    add(&mut list, "parked", "flume", parked::flume);
    add(&mut list, "parked", "async-channel", parked::async_channel);
    add(&mut list, "deep", "", deep::run);
    add(&mut list, "hog", "", hog::run);
    add(&mut list, "wakeup", "", wakeup::run);
    add(&mut list, "http-server", "", http::run);
    program::main(list);
}

/// Adds a workload for each of the runtimes there are.
fn add<F>(list: &mut Vec<Entry>, workload: &'static str, channel: &str, run: fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut runtimes = vec!["multi"];
    if workers() == 1 {
        runtimes.push("current");
    }
    for name in runtimes {
        let separator = if channel.is_empty() { "" } else { "-" };
        let variant = format!("{name}{separator}{channel}");
        list.push(entry(workload, &variant, move || {
            let runtime = runtime(name, workload);
            let main = runtime.spawn(run());
            runtime.block_on(main).expect("the workload does not panic");
            // Dropped, it would wait for a task that computes for ever.
            mem::forget(runtime);
        }));
    }
}

/// Makes the runtime of that name, with the drivers that the workload needs.
///
/// One that has drivers asks them each time its tasks have yielded, which is most of what a yield takes then.
fn runtime(name: &str, workload: &str) -> Runtime {
    let mut builder = match name {
        "current" => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    match workload {
        "timers" | "hog" => builder.enable_time(),
        "http-server" => builder.enable_all(),
        _ => &mut builder,
    };
    // The runtime of one thread takes no notice of the number.
    builder.worker_threads(workers());
    builder.build().expect("the runtime starts")
}
