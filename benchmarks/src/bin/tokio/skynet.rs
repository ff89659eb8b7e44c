//! `skynet`: a tree of tasks whose leaves send their numbers up, over channels without a buffer where there are such.
//!
//! An asynchronous function that starts itself has to box its future.

use std::pin::Pin;
use std::time::Instant;

use csp_benchmarks::{SKYNET_CHILDREN, SKYNET_LEAVES, SKYNET_SUM, report};

/// Writes the workload for one kind of channel: its module, how it is made and with what capacity, what its functions are
/// called, and whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $sender:ty, $channel:path, $capacity:expr, $send:ident, $recv:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            let start = Instant::now();
            let (tx, $($mutable)? rx) = $channel($capacity);
            tokio::spawn(node(tx, 0, SKYNET_LEAVES));
            let sum = rx.$recv().await.unwrap();
            report::per_op(start, SKYNET_LEAVES);
            assert_eq!(sum, SKYNET_SUM);

            fn node(up: $sender, number: usize, leaves: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
                Box::pin(async move {
                    if leaves == 1 {
                        up.$send(number).await.unwrap();
                        return;
                    }
                    let (tx, $($mutable)? rx) = $channel($capacity);
                    let each = leaves / SKYNET_CHILDREN;
                    for i in 0..SKYNET_CHILDREN {
                        tokio::spawn(node(tx.clone(), number + i * each, each));
                    }
                    let mut sum = 0;
                    for _ in 0..SKYNET_CHILDREN {
                        sum += rx.$recv().await.unwrap();
                    }
                    up.$send(sum).await.unwrap();
                })
            }
        }
    };
}

workload!(
    mpsc,
    tokio::sync::mpsc::Sender<usize>,
    tokio::sync::mpsc::channel,
    1,
    send,
    recv,
    mut
);
workload!(
    flume,
    flume::Sender<usize>,
    flume::bounded,
    0,
    send_async,
    recv_async
);
workload!(
    async_channel,
    async_channel::Sender<usize>,
    async_channel::bounded,
    1,
    send,
    recv
);
