//! `sieve`: the first primes out of a chain of filters.
//!
//! Over channels of capacity 1: the generator never ends, and without a limit would take all memory.

use std::mem;
use std::time::Instant;

use csp_benchmarks::primes::transfers;
use csp_benchmarks::{SIEVE_PRIMES, WARM_UP, report};
use may::go;

use crate::bounded::{Receiver, Sender, channel};

pub(crate) fn run() {
    primes(SIEVE_PRIMES / WARM_UP);
    let start = Instant::now();
    let found = primes(SIEVE_PRIMES);
    let elapsed = start.elapsed();
    assert_eq!(found[SIEVE_PRIMES - 1], 17389);
    report::value("ns", elapsed.as_nanos() as f64 / transfers(&found) as f64);
}

fn primes(count: usize) -> Vec<usize> {
    let (tx, mut rx) = channel(1);
    go!(move || {
        for n in 2.. {
            if !tx.send(n) {
                break; // the chain is gone
            }
        }
    });
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let prime = rx.recv().unwrap();
        found.push(prime);
        let (tx, next) = channel(1);
        let numbers = mem::replace(&mut rx, next);
        go!(move || filter(&numbers, &tx, prime));
    }
    found
}

fn filter(numbers: &Receiver<usize>, tx: &Sender<usize>, prime: usize) {
    while let Some(n) = numbers.recv() {
        if n % prime != 0 && !tx.send(n) {
            break;
        }
    }
}
