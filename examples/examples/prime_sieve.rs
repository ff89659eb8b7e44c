//! The daisy-chain prime sieve: every prime found adds a goroutine that filters out its multiples.
//!
//! ```text
//! generate --2,3,4,5…--> filter 2 --3,5,7…--> filter 3 --5,7,11…--> filter 5 --…--> main
//! ```
//!
//! `cargo run --release --example prime_sieve` prints the first primes, after C. A. R. Hoare's
//! "Communicating Sequential Processes" (1978), section 6.1:
//!
//! ```text
//! [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]
//! the 100th is 541
//! ```

use csp::prelude::*;

/// Sends 2, 3, 4, … for as long as anyone listens.
fn generate(out: Sender<u32>) {
    for n in 2.. {
        if out.send(n).is_err() {
            return;
        }
    }
}

/// Passes on what `prime` does not divide.
fn filter(prime: u32, numbers: Receiver<u32>, out: Sender<u32>) {
    for n in &numbers {
        if n % prime != 0 && out.send(n).is_err() {
            return;
        }
    }
}

fn primes(count: usize) -> Vec<u32> {
    let (out, mut numbers) = channel(0);
    go!(generate(out));

    let mut primes = Vec::with_capacity(count);
    while primes.len() < count {
        let prime = numbers
            .recv()
            .expect("the chain ends only after its reader");
        primes.push(prime);
        let (out, rest) = channel(0);
        go!(filter(prime, numbers, out));
        numbers = rest;
    }
    // Dropping `numbers` makes the last filter's send fail; the chain folds up from the end.
    primes
}

#[csp::main]
fn main() {
    let primes = primes(100);
    assert_eq!(primes.last(), Some(&541));
    println!("{:?}", &primes[..15]);
    println!("the 100th is {}", primes[99]);
}
