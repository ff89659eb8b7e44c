//! A fixed number of workers share one queue of jobs; a `WaitGroup` closes the results when the last
//! worker is done.
//!
//! `cargo run --release --example worker_pool` prints
//!
//! ```text
//! 3 workers did 20 jobs; the longest Collatz run below 21 starts at 18 and takes 20 steps
//! ```

use csp::prelude::*;

const WORKERS: usize = 3;
const JOBS: u64 = 20;

/// How many Collatz steps lead from `n` to 1.
fn collatz(mut n: u64) -> u32 {
    let mut steps = 0;
    while n != 1 {
        n = if n.is_multiple_of(2) {
            n / 2
        } else {
            3 * n + 1
        };
        steps += 1;
    }
    steps
}

fn work(jobs: Receiver<u64>, results: Sender<(u32, u64)>) {
    for start in &jobs {
        results.send((collatz(start), start)).unwrap();
    }
}

#[csp::main]
fn main() {
    let (queue, jobs) = channel(0);
    let (done, results) = channel(0);

    let workers = WaitGroup::new();
    for _ in 0..WORKERS {
        go!(in workers, clone(jobs, done) => work(jobs, done));
    }
    go!({
        workers.wait();
        done.close();
    });
    go!({
        for start in 1..=JOBS {
            queue.send(start).unwrap();
        }
    });

    let all: Vec<(u32, u64)> = results.iter().collect();
    assert_eq!(all.len() as u64, JOBS);
    let longest = all.iter().map(|&(steps, _)| steps).max().unwrap();
    let start = all
        .iter()
        .filter(|r| r.0 == longest)
        .map(|r| r.1)
        .min()
        .unwrap();
    assert_eq!((longest, start), (20, 18));
    println!(
        "{WORKERS} workers did {} jobs; the longest Collatz run below {} starts at {start} and takes {longest} steps",
        all.len(),
        JOBS + 1,
    );
}
