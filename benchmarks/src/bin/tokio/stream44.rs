//! `stream44`: four senders and four receivers on one buffered channel. tokio's own has one receiver.

use std::time::Instant;

use csp_benchmarks::{STREAM_CAPACITY, STREAM44_MESSAGES, STREAM44_TASKS, WARM_UP, report};

/// Writes the workload for one kind of channel: how it is made, and what its functions are called.
macro_rules! workload {
    ($name:ident, $channel:path, $send:ident, $recv:ident) => {
        pub(crate) async fn $name() {
            stream(STREAM44_MESSAGES / WARM_UP).await;
            let start = Instant::now();
            stream(STREAM44_MESSAGES).await;
            report::per_op(start, STREAM44_MESSAGES);

            async fn stream(messages: usize) {
                let (tx, rx) = $channel(STREAM_CAPACITY);
                let mut receivers = Vec::new();
                for _ in 0..STREAM44_TASKS {
                    let rx = rx.clone();
                    receivers.push(tokio::spawn(async move {
                        let mut sum = 0;
                        while let Ok(v) = rx.$recv().await {
                            sum += v;
                        }
                        sum
                    }));
                }
                for _ in 0..STREAM44_TASKS {
                    let tx = tx.clone();
                    tokio::spawn(async move {
                        for _ in 0..messages / STREAM44_TASKS {
                            tx.$send(1_u64).await.unwrap();
                        }
                    });
                }
                drop(tx);
                let mut sum = 0;
                for receiver in receivers {
                    sum += receiver.await.unwrap();
                }
                assert_eq!(sum, messages as u64);
            }
        }
    };
}

workload!(flume, flume::bounded, send_async, recv_async);
workload!(async_channel, async_channel::bounded, send, recv);
