//! `select8`: one task selects over eight channels, without a buffer where there are such, each with a sender of its own.

use std::time::Instant;

use csp_benchmarks::{SELECT_MESSAGES, WARM_UP, report};

const CHANNELS: usize = 8;

/// Writes the workload for one kind of channel: how it is made and with what capacity, what its functions are called, what
/// a received message is wrapped in, and whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $channel:path, $capacity:expr, $send:ident, $recv:ident, $message:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            receive(SELECT_MESSAGES / WARM_UP).await;
            let start = Instant::now();
            receive(SELECT_MESSAGES).await;
            report::per_op(start, SELECT_MESSAGES);

            // The second sender is kept to the end, so that no channel closes before all are drained.
            macro_rules! sender {
                ($messages:ident) => {{
                    let (tx, rx) = $channel($capacity);
                    let kept = tx.clone();
                    tokio::spawn(async move {
                        for _ in 0..$messages / CHANNELS {
                            tx.$send(1).await.unwrap();
                        }
                    });
                    (rx, kept)
                }};
            }

            async fn receive(messages: usize) {
                let ($($mutable)? c0, _kept0) = sender!(messages);
                let ($($mutable)? c1, _kept1) = sender!(messages);
                let ($($mutable)? c2, _kept2) = sender!(messages);
                let ($($mutable)? c3, _kept3) = sender!(messages);
                let ($($mutable)? c4, _kept4) = sender!(messages);
                let ($($mutable)? c5, _kept5) = sender!(messages);
                let ($($mutable)? c6, _kept6) = sender!(messages);
                let ($($mutable)? c7, _kept7) = sender!(messages);
                let mut sum = 0;
                for _ in 0..messages {
                    tokio::select! {
                        v = c0.$recv() => sum += v.unwrap(),
                        v = c1.$recv() => sum += v.unwrap(),
                        v = c2.$recv() => sum += v.unwrap(),
                        v = c3.$recv() => sum += v.unwrap(),
                        v = c4.$recv() => sum += v.unwrap(),
                        v = c5.$recv() => sum += v.unwrap(),
                        v = c6.$recv() => sum += v.unwrap(),
                        v = c7.$recv() => sum += v.unwrap(),
                    }
                }
                assert_eq!(sum, messages);
            }
        }
    };
}

workload!(mpsc, tokio::sync::mpsc::channel, 1, send, recv, Some, mut);
workload!(flume, flume::bounded, 0, send_async, recv_async, Ok);
workload!(async_channel, async_channel::bounded, 1, send, recv, Ok);
