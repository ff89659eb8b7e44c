//! `pingpong`: round trips over two unbuffered channels. A tenth of them.

use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use csp_benchmarks::{ROUND_TRIPS, THREADS_LESS, WARM_UP, report};

const TRIPS: usize = ROUND_TRIPS / THREADS_LESS;

pub(crate) fn run() {
    trips(TRIPS / WARM_UP);
    let start = Instant::now();
    trips(TRIPS);
    report::per_op(start, 2 * TRIPS);
}

fn trips(count: usize) {
    let (there, arrivals) = bounded::<usize>(0);
    let (back, echoes) = bounded::<usize>(0);
    let echo = thread::spawn(move || {
        for v in &arrivals {
            back.send(v).unwrap();
        }
    });
    for i in 0..count {
        there.send(i).unwrap();
        assert_eq!(echoes.recv(), Ok(i));
    }
    drop(there);
    echo.join().unwrap();
}
