//! `parked`: tasks that each wait on a channel of their own, all at once.
//!
//! A doubt: a task that waits on nothing but its own handle would be smaller still; all peers have a channel each.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use csp_benchmarks::{PARKED_TASKS, memory, report};
use tokio::sync::Notify;

/// Writes the workload for one kind of channel: how it is made and with what capacity, what its function is called, and
/// whether a receiver has to be mutable.
macro_rules! workload {
    ($name:ident, $channel:path, $capacity:expr, $recv:ident $(, $mutable:tt)?) => {
        pub(crate) async fn $name() {
            let before = memory::resident();
            let group = Arc::new(Group::new(PARKED_TASKS));
            let mut senders = Vec::with_capacity(PARKED_TASKS);
            let start = Instant::now();
            for _ in 0..PARKED_TASKS {
                let (tx, $($mutable)? rx) = $channel($capacity);
                senders.push(tx);
                let group = group.clone();
                tokio::spawn(async move {
                    group.done();
                    let message: Option<u64> = rx.$recv().await.into_iter().next();
                    assert_eq!(message, None);
                });
            }
            group.wait().await;
            report::per_op(start, PARKED_TASKS);
            report::value("bytes", (memory::resident() - before) / PARKED_TASKS as f64);
            // The process ends while they wait, as Go's does.
            mem::forget(senders);
        }
    };
}

workload!(mpsc, tokio::sync::mpsc::channel, 1, recv, mut);
workload!(flume, flume::bounded, 0, recv_async);
workload!(async_channel, async_channel::bounded, 1, recv);

/// What tasks sign off at, in place of a wait group: one waits until all have.
struct Group {
    /// How many have not yet.
    left: AtomicUsize,
    all: Notify,
}

impl Group {
    fn new(left: usize) -> Self {
        Self {
            left: AtomicUsize::new(left),
            all: Notify::new(),
        }
    }

    fn done(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all.notify_one();
        }
    }

    async fn wait(&self) {
        self.all.notified().await;
    }
}
