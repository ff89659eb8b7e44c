//! `pingpong`: round trips over two channels, without a limit; there is never more than one message.

use std::time::Instant;

use csp_benchmarks::{ROUND_TRIPS, WARM_UP, report};
use may::go;
use may::sync::mpsc::channel;

pub(crate) fn run() {
    trips(ROUND_TRIPS / WARM_UP);
    let start = Instant::now();
    trips(ROUND_TRIPS);
    report::per_op(start, 2 * ROUND_TRIPS);
}

fn trips(count: usize) {
    let (there, arrivals) = channel::<usize>();
    let (back, echoes) = channel::<usize>();
    let echo = go!(move || {
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
