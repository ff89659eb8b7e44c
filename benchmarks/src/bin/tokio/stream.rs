//! `stream`: one sender, one receiver, a buffered channel.

use std::time::Instant;

use csp_benchmarks::{STREAM_CAPACITY, STREAM_MESSAGES, WARM_UP, report};

/// Writes the workload for one kind of channel: how it is made and with what capacity, what its functions are called, what
/// a received message is wrapped in, and whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $channel:path, $capacity:expr, $send:ident, $recv:ident, $message:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            stream(STREAM_MESSAGES / WARM_UP).await;
            let start = Instant::now();
            stream(STREAM_MESSAGES).await;
            report::per_op(start, STREAM_MESSAGES);

            async fn stream(messages: usize) {
                let (tx, $($mutable)? rx) = $channel($capacity);
                tokio::spawn(async move {
                    for _ in 0..messages {
                        tx.$send(1_u64).await.unwrap();
                    }
                });
                let mut sum = 0;
                while let $message(v) = rx.$recv().await {
                    sum += v;
                }
                assert_eq!(sum, messages as u64);
            }
        }
    };
}

workload!(
    mpsc,
    tokio::sync::mpsc::channel,
    STREAM_CAPACITY,
    send,
    recv,
    Some,
    mut
);
workload!(
    flume,
    flume::bounded,
    STREAM_CAPACITY,
    send_async,
    recv_async,
    Ok
);
workload!(
    async_channel,
    async_channel::bounded,
    STREAM_CAPACITY,
    send,
    recv,
    Ok
);
