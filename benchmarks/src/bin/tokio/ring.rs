//! `ring`: a token goes round tasks, with channels between them without a buffer where there are such.

use std::mem;
use std::time::Instant;

use csp_benchmarks::{RING_HOPS, RING_TASKS, WARM_UP, report};

/// Writes the workload for one kind of channel: how it is made and with what capacity, what its functions are called, what
/// a received message is wrapped in, and whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $channel:path, $capacity:expr, $send:ident, $recv:ident, $message:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            pass(RING_HOPS / WARM_UP).await;
            let start = Instant::now();
            pass(RING_HOPS).await;
            report::per_op(start, RING_HOPS);

            async fn pass(hops: usize) {
                let (finish, $($mutable)? finished) = $channel($capacity);
                let (first, mut input) = $channel($capacity);
                for i in 0..RING_TASKS {
                    let (mut out, next) = $channel($capacity);
                    if i == RING_TASKS - 1 {
                        out = first.clone();
                    }
                    let $($mutable)? tokens = mem::replace(&mut input, next);
                    let finish = finish.clone();
                    tokio::spawn(async move {
                        while let $message(token) = tokens.$recv().await {
                            if token == 0 {
                                finish.$send(()).await.unwrap();
                                break;
                            }
                            // The one after it is gone once the token has been round for the last time.
                            if out.$send(token - 1).await.is_err() {
                                break;
                            }
                        }
                    });
                }
                first.$send(hops).await.unwrap();
                finished.$recv().await.unwrap();
            }
        }
    };
}

workload!(mpsc, tokio::sync::mpsc::channel, 1, send, recv, Some, mut);
workload!(flume, flume::bounded, 0, send_async, recv_async, Ok);
workload!(async_channel, async_channel::bounded, 1, send, recv, Ok);
