//! `sieve`: the first primes out of a chain of filters, each between two unbuffered channels. Fewer primes.

use std::time::Instant;
use std::{mem, thread};

use crossbeam_channel::{Receiver, Sender, bounded};
use csp_benchmarks::primes::transfers;
use csp_benchmarks::{THREADS_PRIMES, WARM_UP, report};

pub(crate) fn run() {
    primes(THREADS_PRIMES / WARM_UP);
    let start = Instant::now();
    let found = primes(THREADS_PRIMES);
    let elapsed = start.elapsed();
    assert_eq!(found[THREADS_PRIMES - 1], 4409);
    report::value("ns", elapsed.as_nanos() as f64 / transfers(&found) as f64);
}

fn primes(count: usize) -> Vec<usize> {
    let (tx, mut rx) = bounded(0);
    thread::spawn(move || {
        for n in 2.. {
            if tx.send(n).is_err() {
                break; // the chain is gone
            }
        }
    });
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let prime = rx.recv().unwrap();
        found.push(prime);
        let (tx, next) = bounded(0);
        let numbers = mem::replace(&mut rx, next);
        thread::spawn(move || filter(&numbers, &tx, prime));
    }
    found
}

fn filter(numbers: &Receiver<usize>, tx: &Sender<usize>, prime: usize) {
    for n in numbers {
        if n % prime != 0 && tx.send(n).is_err() {
            break;
        }
    }
}
