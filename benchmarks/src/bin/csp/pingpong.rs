//! `pingpong`: round trips over two unbuffered channels.

use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{ROUND_TRIPS, WARM_UP, report};

pub(crate) fn run() {
    trips(ROUND_TRIPS / WARM_UP);
    let start = Instant::now();
    trips(ROUND_TRIPS);
    report::per_op(start, 2 * ROUND_TRIPS);
}

fn trips(count: usize) {
    let (there, arrivals) = channel::<usize>(0);
    let (back, echoes) = channel::<usize>(0);
    let echo = go!({
        for v in &arrivals {
            back.send(v).unwrap();
        }
    });
    for i in 0..count {
        there.send(i).unwrap();
        assert_eq!(echoes.recv(), Some(i));
    }
    drop(there);
    echo.join().unwrap();
}
