//! Very many goroutines at once, each waiting on a channel of its own: what one costs, and that the memory goes back.
//!
//! `cargo run --release --example million` prints
//!
//! ```text
//! 20000 goroutines wait, each on a channel of its own
//! 20000 goroutines went on, and added up 199990000
//! ```
//!
//! and what they cost on standard error. With a number, as in `cargo run --release --example million 1000000`, it starts
//! that many: a million take 4.8 GB.

use csp::prelude::*;
use csp::time::sleep;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The memory that this process takes, in bytes, where Linux tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[csp::main]
fn main() {
    let count: u64 = std::env::args().nth(1).map_or(20_000, |argument| {
        argument
            .parse()
            .unwrap_or_else(|_| panic!("usage: million [NUMBER], not {argument:?}"))
    });
    let before = resident();
    let sum = Arc::new(AtomicU64::new(0));
    let (started, ended) = (WaitGroup::new(), WaitGroup::new());
    let mut channels = Vec::new();

    let begin = Instant::now();
    started.add(usize::try_from(count).expect("a number of goroutines"));
    for _ in 0..count {
        let (tx, rx) = channel::<u64>(0);
        channels.push(tx);
        go!(in ended, clone(sum, started) => {
            started.done();
            sum.fetch_add(rx.recv().expect("a value comes"), Ordering::Relaxed);
        });
    }
    started.wait();
    let each = begin.elapsed().as_nanos() / u128::from(count.max(1));
    println!("{count} goroutines wait, each on a channel of its own");
    let peak = resident();
    if let (Some(before), Some(peak)) = (before, peak) {
        let bytes = (peak - before) / count.max(1);
        eprintln!("one took {each} ns to start and has {bytes} bytes of memory");
    }

    for (number, tx) in (0..).zip(channels) {
        tx.send(number).expect("the goroutine waits");
    }
    ended.wait();
    let sum = sum.load(Ordering::Relaxed);
    println!("{count} goroutines went on, and added up {sum}");

    // The runtime gives the memory of ended goroutines back when nobody has needed it for a while.
    for seconds in 1..=3 {
        sleep(Duration::from_secs(1));
        if let (Some(peak), Some(now)) = (peak, resident()) {
            eprintln!(
                "{seconds} s later {}% of the memory is left",
                now * 100 / peak
            );
        }
    }
}
