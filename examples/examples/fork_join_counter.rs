//! Forks a thousand goroutines, joins them, and counts them twice: with an atomic, and with one
//! goroutine that owns the counter and is sent the increments.
//!
//! A plain `count += 1` from two goroutines, the race Go finds at run time, does not compile here.
//!
//! `cargo run --release --example fork_join_counter` prints
//!
//! ```text
//! atomic: 1000
//! channel: 1000
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csp::prelude::*;

const FORKS: usize = 1000;

#[csp::main]
fn main() {
    let count = Arc::new(AtomicUsize::new(0));
    let wg = WaitGroup::new();
    for _ in 0..FORKS {
        go!(in wg, clone(count) => {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
    // What a goroutine did before it ended is visible after `wait`, so Relaxed is enough above.
    wg.wait();
    assert_eq!(count.load(Ordering::Relaxed), FORKS);
    println!("atomic: {}", count.load(Ordering::Relaxed));

    let (increments, received) = channel::<usize>(0);
    let owner = go!({
        let mut count = 0;
        for n in &received {
            count += n;
        }
        count
    });
    for _ in 0..FORKS {
        go!(in wg, clone(increments) => increments.send(1).unwrap());
    }
    wg.wait();
    drop(increments);
    let count = owner.join().unwrap();
    assert_eq!(count, FORKS);
    println!("channel: {count}");
}
