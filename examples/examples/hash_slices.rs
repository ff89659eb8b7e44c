//! Two goroutines compute 50,000 SHA-1 sums each on one P and never wait: they take turns because the scheduler stops
//! the one that has run for a slice of time. The classic way to watch Go's scheduler at work.
//!
//! ```text
//! A: 00001: 8eff4
//! B: 00001: 8eff4
//! A: 04181: 3c1f9
//! …
//! A and B took 14 turns on one P
//! ```
//!
//! `cargo run --release --example hash_slices` prints this with other numbers: the first five digits of the first sum
//! of each turn, and of every 10,000th.

use std::sync::atomic::{AtomicUsize, Ordering};

use csp::prelude::*;
use sha1::{Digest, Sha1};

const HASHES: u32 = 50_000;
const PRINT_EVERY: u32 = 10_000;
/// How often a number's digits are repeated in what is hashed: its sum then takes about as long as printing it would,
/// and all the sums of one goroutine take several slices.
const REPEAT: usize = 512;

/// Whose turn it is: 0 before anybody's, else the number of the one that hashed last.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// The first five hexadecimal digits of the sum of `number`.
fn prefix(number: u32) -> String {
    let sum = Sha1::digest(number.to_string().repeat(REPEAT));
    let hex: String = sum[..3].iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..5].to_owned()
}

/// Computes all sums, without a single call that waits or yields, and returns in how many turns.
fn print_hashes(me: usize, name: &str) -> u32 {
    let mut turns = 0;
    for number in 1..=HASHES {
        let prefix = prefix(number);
        // With one P nobody else runs between two sums, unless this goroutine was stopped.
        let new_turn = TURN.swap(me, Ordering::Relaxed) != me;
        turns += u32::from(new_turn);
        if new_turn || number.is_multiple_of(PRINT_EVERY) {
            println!("{name}: {number:05}: {prefix}");
        }
    }
    turns
}

#[csp::main(gomaxprocs = 1)]
fn main() {
    loop {
        TURN.store(0, Ordering::Relaxed);
        let a = go!(print_hashes(1, "A"));
        let b = go!(print_hashes(2, "B"));
        let (a, b) = (a.join().unwrap(), b.join().unwrap());

        // Turns alternate.
        assert!(a.abs_diff(b) <= 1, "{a} turns and {b}");
        println!("A and B took {} turns on one P", a + b);
        // With two, one finished before the other began. That happens when the machine is so busy that the scheduler's
        // own thread comes too late to stop it: then they run again.
        if a + b > 2 {
            break;
        }
    }
}
