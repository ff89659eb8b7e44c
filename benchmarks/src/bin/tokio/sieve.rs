//! `sieve`: the first primes out of a chain of filters, with channels without a buffer where there are such.

use std::mem;
use std::time::Instant;

use csp_benchmarks::primes::transfers;
use csp_benchmarks::{SIEVE_PRIMES, WARM_UP, report};

/// Writes the workload for one kind of channel: how it is made and with what capacity, what its functions are called, what
/// a received message is wrapped in, and whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $channel:path, $capacity:expr, $send:ident, $recv:ident, $message:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            primes(SIEVE_PRIMES / WARM_UP).await;
            let start = Instant::now();
            let found = primes(SIEVE_PRIMES).await;
            let elapsed = start.elapsed();
            assert_eq!(found[SIEVE_PRIMES - 1], 17389);
            report::value("ns", elapsed.as_nanos() as f64 / transfers(&found) as f64);

            async fn primes(count: usize) -> Vec<usize> {
                let (tx, mut rx) = $channel($capacity);
                tokio::spawn(async move {
                    for n in 2_usize.. {
                        if tx.$send(n).await.is_err() {
                            break; // the chain is gone
                        }
                    }
                });
                let mut found = Vec::with_capacity(count);
                for _ in 0..count {
                    let prime = rx.$recv().await.unwrap();
                    found.push(prime);
                    let (tx, next) = $channel($capacity);
                    let $($mutable)? numbers = mem::replace(&mut rx, next);
                    tokio::spawn(async move {
                        while let $message(n) = numbers.$recv().await {
                            if n % prime != 0 && tx.$send(n).await.is_err() {
                                break;
                            }
                        }
                    });
                }
                found
            }
        }
    };
}

workload!(mpsc, tokio::sync::mpsc::channel, 1, send, recv, Some, mut);
workload!(flume, flume::bounded, 0, send_async, recv_async, Ok);
workload!(async_channel, async_channel::bounded, 1, send, recv, Ok);
