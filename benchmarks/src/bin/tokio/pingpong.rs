//! `pingpong`: round trips over two channels, without a buffer where there are such.

use std::time::Instant;

use csp_benchmarks::{ROUND_TRIPS, WARM_UP, report};

/// Writes the workload for one kind of channel: how it is made and with what capacity, what its functions are called, what
/// a received message is wrapped in, and whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $channel:path, $capacity:expr, $send:ident, $recv:ident, $message:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            trips(ROUND_TRIPS / WARM_UP).await;
            let start = Instant::now();
            trips(ROUND_TRIPS).await;
            report::per_op(start, 2 * ROUND_TRIPS);

            async fn trips(count: usize) {
                let (there, $($mutable)? arrivals) = $channel($capacity);
                let (back, $($mutable)? echoes) = $channel($capacity);
                let echo = tokio::spawn(async move {
                    while let $message(v) = arrivals.$recv().await {
                        back.$send(v).await.unwrap();
                    }
                });
                for i in 0..count {
                    there.$send(i).await.unwrap();
                    assert_eq!(echoes.$recv().await, $message(i));
                }
                drop(there);
                echo.await.unwrap();
            }
        }
    };
}

workload!(mpsc, tokio::sync::mpsc::channel, 1, send, recv, Some, mut);
workload!(flume, flume::bounded, 0, send_async, recv_async, Ok);
workload!(async_channel, async_channel::bounded, 1, send, recv, Ok);
