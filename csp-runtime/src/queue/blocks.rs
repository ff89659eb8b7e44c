//! The run queue of all Ps: blocks of pointers behind a spin lock, and the length beside it.
//!
//! It takes what overflows from local queues, what is made ready from outside the scheduler, and what must be fair. Every
//! P looks here now and then, so the usual answer, "nothing", has to cost one load: `len` is readable without the lock.
//!
//! ```text
//!   first block          second                last
//!   ┌──────────────┐     ┌──────────────┐     ┌──────────────┐
//!   │ · · a b c d  │ ──▶ │ e f g h i j  │ ──▶ │ k l m · · ·  │      then `rest`, should there be no free block
//!   └──────────────┘     └──────────────┘     └──────────────┘
//!       ▲ taken here                                ▲ added here
//! ```
//!
//! The items are not linked, because a queue of a hundred thousand goroutines is in no cache: each link would be a miss, of
//! the cache and of the address translation, that had to end before the next could begin. With pointers side by side, what
//! comes next is known without touching it, and can be fetched ahead.
//!
//! Invariants: all fields but `len` are protected by the lock. `len` is written under it and equals the number of items
//! whenever the lock is free. A reader without the lock may see an older value. For "nothing is lost when an M goes to
//! sleep" that is enough: producer and sleeper both fence, as [`crate::protocol::idle`] demands, so a sleeper that misses a
//! push is seen by the pusher. `rest` is younger than what is in blocks, and nothing is put into blocks while it is not
//! empty.
//!
//! The blocks lie in a static that is all zeroes, so that untouched ones cost no memory; nothing is allocated here, since
//! everybody who pushes is in a section. A block once used is used again before a fresh one.
//!
//! A lock-free queue was rejected: half a ring moves in one step here, and the lock is held for the copying of as much.

use std::ptr::{self, NonNull};

use crate::primitive::list::{Fifo, Linked};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{self, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// Items of a block, which with its link takes a page.
const ITEMS: usize = if cfg!(loom) || cfg!(test) { 3 } else { 511 };
/// Blocks: a million items, before `rest` is used.
const BLOCKS: usize = if cfg!(loom) || cfg!(test) { 2 } else { 2053 };

/// Some items, and the number of the next block in its list, or [`NONE`].
struct Block<T> {
    items: [AtomicPtr<T>; ITEMS],
    next: AtomicU32,
}

/// No block; blocks are numbered from 1.
const NONE: u32 = 0;

/// The memory of a queue. Atomics, so that it can be a static; all accesses are relaxed and under the queue's lock.
pub(crate) struct Store<T>([Block<T>; BLOCKS]);

impl<T> Store<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(
            [const {
                Block {
                    items: [const { AtomicPtr::new(ptr::null_mut()) }; ITEMS],
                    next: AtomicU32::new(NONE),
                }
            }; BLOCKS],
        )
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Block {
            items: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            next: AtomicU32::new(NONE),
        }))
    }

    fn block(&self, number: u32) -> &Block<T> {
        &self.0[number as usize - 1]
    }
}

/// The queue.
pub(crate) struct BlockQueue<T: Linked + 'static> {
    state: Spin<State<T>>,
    /// The number of items. Written under the lock, read by anybody.
    len: AtomicUsize,
}

/// What the lock protects.
struct State<T: Linked + 'static> {
    store: &'static Store<T>,
    /// The block with the oldest item, or `NONE`, and how many of its items have been taken.
    first: u32,
    taken: usize,
    /// The block with the newest item, or `NONE`, and how many items have been put into it.
    last: u32,
    filled: usize,
    /// The list of the blocks that were used and are not.
    free: u32,
    /// How many blocks have ever been used.
    used: u32,
    /// What came when there was no block.
    rest: Fifo<T>,
    /// The number of items.
    len: usize,
}

impl<T: Linked> State<T> {
    fn push(&mut self, item: NonNull<T>) {
        self.len += 1;
        if !self.rest.is_empty() || !self.make_room() {
            self.rest.push_back(item);
            return;
        }
        self.store.block(self.last).items[self.filled].store(item.as_ptr(), Ordering::Relaxed);
        self.filled += 1;
    }

    /// Has the last block one free place at least, if there is a block.
    fn make_room(&mut self) -> bool {
        if self.last != NONE && self.filled < ITEMS {
            return true;
        }
        let number = if self.free != NONE {
            let number = self.free;
            self.free = self.store.block(number).next.load(Ordering::Relaxed);
            number
        } else if (self.used as usize) < BLOCKS {
            self.used += 1;
            self.used
        } else {
            return false;
        };
        self.store.block(number).next.store(NONE, Ordering::Relaxed);
        if self.last == NONE {
            self.first = number;
            self.taken = 0;
        } else {
            let last = self.store.block(self.last);
            last.next.store(number, Ordering::Relaxed);
        }
        self.last = number;
        self.filled = 0;
        true
    }

    fn pop(&mut self) -> Option<NonNull<T>> {
        if self.first == NONE {
            let item = self.rest.pop_front()?;
            self.len -= 1;
            return Some(item);
        }
        let block = self.store.block(self.first);
        let item = block.items[self.taken].load(Ordering::Relaxed);
        self.taken += 1;
        self.len -= 1;
        let end = if self.first == self.last {
            self.filled
        } else {
            ITEMS
        };
        if self.taken == end {
            let next = block.next.load(Ordering::Relaxed);
            block.next.store(self.free, Ordering::Relaxed);
            self.free = self.first;
            self.first = next;
            self.taken = 0;
            if next == NONE {
                self.last = NONE;
            }
        }
        NonNull::new(item)
    }
}

impl<T: Linked> BlockQueue<T> {
    sync::const_fn! {
        pub(crate) fn new(store: &'static Store<T>) -> Self {
            Self {
                state: Spin::new(State {
                    store,
                    first: NONE,
                    taken: 0,
                    last: NONE,
                    filled: 0,
                    free: NONE,
                    used: 0,
                    rest: Fifo::new(),
                    len: 0,
                }),
                len: AtomicUsize::new(0),
            }
        }
    }

    /// Runs `change` on the state and publishes the new length.
    fn with<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state);
        // Relaxed: the items travel under the lock, and the fences of the idle protocol order the rest.
        self.len.store(state.len, Ordering::Relaxed);
        result
    }

    /// Adds an item, which is in no list, behind all others.
    pub(crate) fn push(&self, item: NonNull<T>) {
        self.with(|state| state.push(item));
    }

    /// Moves items, which are in no list, behind those of the queue, in their order.
    pub(crate) fn push_all(&self, items: impl ExactSizeIterator<Item = NonNull<T>>) {
        if items.len() > 0 {
            self.with(|state| items.for_each(|item| state.push(item)));
        }
    }

    /// Moves all items of `batch` behind those of the queue, in their order.
    pub(crate) fn push_batch(&self, batch: &mut Fifo<T>) {
        if !batch.is_empty() {
            self.with(|state| {
                while let Some(item) = batch.pop_front() {
                    state.push(item);
                }
            });
        }
    }

    /// Removes and returns the oldest item.
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        if self.is_empty() {
            return None;
        }
        self.with(State::pop)
    }

    /// Moves up to `out.len()` of the oldest items into `out`, from its start; returns how many.
    pub(crate) fn pop_batch(&self, out: &mut [Option<NonNull<T>>]) -> usize {
        if out.is_empty() || self.is_empty() {
            return 0;
        }
        self.with(|state| {
            let count = out.len().min(state.len);
            out[..count].fill_with(|| state.pop());
            count
        })
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
    use super::*;
    use crate::primitive::list::node::{Node, nodes, value};
    use std::sync::atomic::AtomicUsize;

    fn queue() -> BlockQueue<Node> {
        BlockQueue::new(Box::leak(Box::new(Store::new())))
    }

    fn push(queue: &BlockQueue<Node>, nodes: &[Node]) {
        nodes
            .iter()
            .for_each(|node| queue.push(NonNull::from(node)));
    }

    fn pop_all(queue: &BlockQueue<Node>) -> Vec<usize> {
        std::iter::from_fn(|| queue.pop().map(value)).collect()
    }

    /// Lengths below, at and beyond what blocks hold, from every place within a block.
    #[test]
    fn items_leave_in_the_order_they_came() {
        let queue = queue();
        for count in 0..3 * ITEMS * BLOCKS {
            let nodes = nodes(count);
            push(&queue, &nodes);
            assert_eq!(queue.len(), count);
            assert!(pop_all(&queue).into_iter().eq(0..count), "{count}");
            assert!(queue.is_empty());
        }
    }

    /// The queue never runs empty, so that blocks are used again while others are in use.
    #[test]
    fn blocks_go_round() {
        for kept in 1..3 * ITEMS * BLOCKS {
            let (queue, nodes) = (queue(), nodes(200));
            push(&queue, &nodes[..kept]);
            for (at, node) in nodes[kept..].iter().enumerate() {
                queue.push(NonNull::from(node));
                assert_eq!(queue.pop().map(value), Some(at));
                assert_eq!(queue.len(), kept);
            }
            assert!(pop_all(&queue).into_iter().eq(200 - kept..200));
        }
    }

    #[test]
    fn batches_keep_the_order() {
        let (queue, nodes) = (queue(), nodes(20));
        queue.push_all(nodes[..5].iter().map(NonNull::from));
        let mut list = Fifo::new();
        nodes[5..12]
            .iter()
            .for_each(|node| list.push_back(NonNull::from(node)));
        queue.push_batch(&mut list);
        queue.push_batch(&mut list);
        queue.push_all(nodes[12..].iter().map(NonNull::from));
        assert_eq!((queue.len(), list.len()), (20, 0));
        let mut out = [None; 8];
        let mut seen = Vec::new();
        loop {
            let count = queue.pop_batch(&mut out);
            seen.extend(out[..count].iter().flatten().map(|&node| value(node)));
            if count < out.len() {
                break;
            }
        }
        assert!(seen.into_iter().eq(0..20));
        assert_eq!(queue.pop_batch(&mut out), 0);
        push(&queue, &nodes[..1]);
        assert_eq!(queue.pop_batch(&mut []), 0);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn concurrent_producers_and_consumers_lose_nothing() {
        let nodes = nodes(8_000);
        let queue = queue();
        let sum = AtomicUsize::new(0);
        let left = AtomicUsize::new(nodes.len());
        std::thread::scope(|scope| {
            for half in nodes.chunks(4_000) {
                let queue = &queue;
                scope.spawn(move || push(queue, half));
                scope.spawn(|| {
                    while left.load(Ordering::Relaxed) > 0 {
                        let mut out = [None; 7];
                        let count = queue.pop_batch(&mut out);
                        left.fetch_sub(count, Ordering::Relaxed);
                        for node in out[..count].iter().flatten() {
                            sum.fetch_add(value(*node), Ordering::Relaxed);
                        }
                        std::thread::yield_now();
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), (0..8_000).sum::<usize>());
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::list::node::{Node, nodes};
    use crate::primitive::sync::{AtomicBool, fence};
    use loom::sync::Arc;
    use loom::thread;

    struct Shared {
        queue: BlockQueue<Node>,
        asleep: AtomicBool,
        nodes: Vec<Node>,
    }

    /// The unlocked length is good enough to decide to sleep by, given a fence on either side.
    #[test]
    fn a_fenced_sleeper_and_a_fenced_pusher_do_not_both_miss() {
        loom::model(|| {
            let shared = Arc::new(Shared {
                queue: BlockQueue::new(Box::leak(Box::new(Store::new()))),
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
