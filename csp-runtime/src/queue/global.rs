//! A queue that is for all Ms, or fed by all, and short: a list behind a spin lock, and its length beside it.
//!
//! Every P looks here now and then, so the usual answer, "nothing", has to cost one load: `len` is readable without the
//! lock. Where a hundred thousand may wait there is [`BlockQueue`](super::BlockQueue).
//!
//! Invariants: `len` is written under the lock and equals the list's length whenever the lock is
//! free. A reader without the lock may see an older value. For "nothing is lost when an M goes to
//! sleep" that is enough: producer and sleeper both fence, as [`crate::protocol::idle`] demands, so
//! a sleeper that misses a push is seen by the pusher.
//!
//! A lock-free queue was rejected: batches move in one step here, and the lock is held for the time of a few links.

use std::ptr::NonNull;

use crate::primitive::list::{Fifo, Linked};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{self, AtomicUsize, Ordering};

/// The queue.
pub(crate) struct GlobalQueue<T: Linked> {
    /// The items, oldest first; protected by its lock.
    list: Spin<Fifo<T>>,
    /// The list's length. Written under the lock, read by anybody.
    len: AtomicUsize,
}

impl<T: Linked> GlobalQueue<T> {
    sync::const_fn! {
        pub(crate) fn new() -> Self {
            Self { list: Spin::new(Fifo::new()), len: AtomicUsize::new(0) }
        }
    }

    /// Runs `change` on the list and publishes the new length.
    fn with<R>(&self, change: impl FnOnce(&mut Fifo<T>) -> R) -> R {
        let mut list = self.list.lock();
        let result = change(&mut list);
        // Relaxed: the items travel under the lock, and the fences of the idle protocol order the
        // rest.
        self.len.store(list.len(), Ordering::Relaxed);
        result
    }

    /// Adds an item, which is in no list, behind all others.
    pub(crate) fn push(&self, item: NonNull<T>) {
        self.with(|list| list.push_back(item));
    }

    /// Moves all items of `batch` behind those of the queue, in their order.
    pub(crate) fn push_batch(&self, batch: &mut Fifo<T>) {
        if !batch.is_empty() {
            self.with(|list| list.append(batch));
        }
    }

    /// Removes and returns the oldest item.
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        if self.is_empty() {
            return None;
        }
        self.with(Fifo::pop_front)
    }

    /// Moves up to `max` of the oldest items behind those of `out`; returns how many.
    pub(crate) fn pop_batch(&self, max: usize, out: &mut Fifo<T>) -> usize {
        if max == 0 || self.is_empty() {
            return 0;
        }
        self.with(|list| list.split_front(max, out))
    }

    /// Returns the number of items, without the lock.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Returns whether there is nothing, without the lock.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Fifo, GlobalQueue, NonNull};
    use crate::primitive::list::node::{Node, nodes, value};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn push(queue: &GlobalQueue<Node>, nodes: &[Node]) {
        nodes
            .iter()
            .for_each(|node| queue.push(NonNull::from(node)));
    }

    #[test]
    fn the_length_follows_every_change() {
        let nodes = nodes(5);
        let queue = GlobalQueue::new();
        assert!(queue.is_empty() && queue.pop().is_none());
        push(&queue, &nodes);
        assert_eq!(queue.len(), 5);
        assert_eq!(queue.pop().map(value), Some(0));
        let mut out = Fifo::new();
        assert_eq!(queue.pop_batch(2, &mut out), 2);
        assert_eq!((queue.len(), out.len()), (2, 2));
        queue.push_batch(&mut out);
        assert!(out.is_empty());
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop().map(value)).collect();
        assert_eq!(rest, [3, 4, 1, 2]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_of_nothing_is_nothing() {
        let nodes = nodes(1);
        let queue = GlobalQueue::new();
        let mut out = Fifo::new();
        queue.push_batch(&mut out);
        assert_eq!(queue.pop_batch(8, &mut out), 0);
        push(&queue, &nodes);
        assert_eq!(queue.pop_batch(0, &mut out), 0);
        assert_eq!(queue.pop_batch(usize::MAX, &mut out), 1);
    }

    #[test]
    fn concurrent_producers_and_consumers_lose_nothing() {
        let nodes = nodes(8_000);
        let queue = GlobalQueue::new();
        let sum = AtomicUsize::new(0);
        let left = AtomicUsize::new(nodes.len());
        std::thread::scope(|scope| {
            for half in nodes.chunks(4_000) {
                let queue = &queue;
                scope.spawn(move || push(queue, half));
                scope.spawn(|| {
                    while left.load(Ordering::Relaxed) > 0 {
                        let mut out = Fifo::new();
                        left.fetch_sub(queue.pop_batch(7, &mut out), Ordering::Relaxed);
                        while let Some(node) = out.pop_front() {
                            sum.fetch_add(value(node), Ordering::Relaxed);
                        }
                        std::thread::yield_now();
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), (0..8_000).sum());
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::{GlobalQueue, NonNull};
    use crate::primitive::list::node::{Node, nodes};
    use crate::primitive::sync::{AtomicBool, Ordering, fence};
    use loom::sync::Arc;
    use loom::thread;

    struct Shared {
        queue: GlobalQueue<Node>,
        asleep: AtomicBool,
        nodes: Vec<Node>,
    }

    /// The unlocked length is good enough to decide to sleep by, given a fence on either side.
    #[test]
    fn a_fenced_sleeper_and_a_fenced_pusher_do_not_both_miss() {
        loom::model(|| {
            let shared = Arc::new(Shared {
                queue: GlobalQueue::new(),
                asleep: AtomicBool::new(false),
                nodes: nodes(1),
            });
            let sleeper = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.asleep.store(true, Ordering::Relaxed);
                    // Partner: the pusher's fence below.
                    fence(Ordering::SeqCst);
                    shared.queue.pop().is_some()
                })
            };
            shared.queue.push(NonNull::from(&shared.nodes[0]));
            // Partner: the sleeper's fence above.
            fence(Ordering::SeqCst);
            let wakes = shared.asleep.load(Ordering::Relaxed);
            let found = sleeper.join().unwrap();
            assert!(wakes || found);
            assert_eq!(shared.queue.len(), usize::from(!found));
        });
    }
}
