//! Goroutines that have nothing to do with thread-locals change their threads freely.
//!
//! Alone in its file: the counts are those of the process.

use csp::{WaitGroup, channel, go, select, unbounded};
use csp_tests::{LIMIT, with_procs, within};
use std::collections::HashSet;
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Everything that waits, in one round. The answer comes from another goroutine, so that the P may change.
fn wait_in_every_way(requests: &csp::Sender<u64>, answers: &csp::Receiver<u64>, round: u64) {
    requests.send(round).unwrap();
    answers.recv();
    requests.send(round).unwrap();
    select! {
        _ = <-answers => {},
        _ = <-csp::after(Duration::from_secs(60)) => {},
    }
    let (_tx, silent) = channel::<u64>(0);
    assert!(silent.recv_timeout(Duration::from_micros(50)).is_err());
    csp::time::sleep(Duration::from_micros(50));
    csp::yield_now();
    let wg = WaitGroup::new();
    go!(in wg => {});
    wg.wait();
    go!({}).join().unwrap();
    csp::blocking(|| ());
}

/// Has goroutines wait in every way, and returns the threads that they were on.
fn threads_used() -> HashSet<ThreadId> {
    let (requests, served) = channel::<u64>(0);
    let (replies, answers) = unbounded::<u64>();
    for _ in 0..4 {
        go!(clone(served, replies) => {
            served.iter().for_each(|v| replies.send(v).unwrap());
        });
    }
    let waiters: Vec<_> = (0..16)
        .map(|_| {
            go!(clone(requests, answers) => {
                let mut seen = HashSet::new();
                for round in 0..200 {
                    wait_in_every_way(&requests, &answers, round);
                    seen.insert(thread::current().id());
                }
                seen
            })
        })
        .collect();
    let mut seen = HashSet::new();
    for waiter in waiters {
        seen.extend(waiter.join().unwrap());
    }
    seen
}

/// The runtime has thread-locals of its own, and none of them may show on the stack of a goroutine that waits.
#[test]
fn a_goroutine_without_thread_locals_moves() {
    let mut threads = HashSet::new();
    // A busy machine may let one thread do it all, but not again and again.
    for _ in 0..20 {
        if threads.len() > 1 {
            break;
        }
        with_procs(&[2, 4], |_| {
            threads.extend(within(LIMIT, threads_used));
        });
    }
    let metrics = csp::runtime::metrics();
    assert!(
        threads.len() > 1 && metrics.migrations_checked > 0,
        "{metrics:?}"
    );
    let bound = metrics.migrations_bound_by_address + metrics.migrations_bound_by_object;
    // Unoptimised code leaves what it used before in its frames, `thread::current` for instance.
    let allowed = if cfg!(debug_assertions) {
        metrics.migrations_checked
    } else {
        metrics.migrations_checked / 100
    };
    assert!(bound <= allowed, "{metrics:?}");
}
