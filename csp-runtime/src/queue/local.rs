//! A P's run queue: a bounded ring with one producer, from which any thread steals.
//!
//! ```text
//!        head                    tail
//!         ▼                       ▼
//!   [ ][ ][a][b][c][d][e][f][g][h][ ][ ]      slot = index mod 1024
//!         └─ stolen or popped     └─ pushed by the owner
//!            here, by CAS            with a store
//! ```
//!
//! The owner is the M that holds the P: one thread at a time, and handing on the P orders what the
//! two do. Operations marked "owner only" rely on it; two owners at once would lose or double
//! items, which is why a P changes hands only in the scheduler's own files. The owner alone writes
//! slots and `tail`. `head` moves by CAS, by the owner (`pop`, overflow) and by thieves
//! (`steal_into`, half at a time, but not more than 128), always forwards.
//!
//! Invariants: `head <= tail <= head + 1024`; the slots in between hold the items, each exactly
//! once; whoever moves `head` over a slot owns the item that was in it.
//!
//! **Why a torn read does no harm.** A thief reads slots before it moves `head`, and meanwhile the
//! owner may have popped those items and pushed others into the same slots. To do so, `head` had to
//! move; the thief's CAS then fails, and what it read is discarded. Slots are atomic pointers, so
//! reading them is defined; it needs no ordering of its own, because:
//! - a push writes the slot and then releases `tail`; a thief acquires `tail`, and so reads that
//!   write or a later one;
//! - a CAS of `head` releases the reads before it; a push acquires `head` before it reuses the
//!   slot.
//!
//! **No ABA.** The CAS of `head` succeeds only if nobody has moved it since it was read, for
//! indices do not repeat: they are 64 bits wide. With the 32 bits that Go uses, a thief could be
//! off its CPU while the queue turns over 2^32 items, some minutes of work, and steal what is no
//! longer there. The wider ones cost nothing on 64-bit machines. They may wrap around all the same;
//! all arithmetic is modular.
//!
//! Source: Go, `runtime/proc.go`, `runqput`, `runqget`, `runqgrab`, `runqsteal`. Departures: 64-bit
//! indices; the thief gets the oldest item, not the newest of its half; overflow goes to
//! where the caller wants it. A Chase-Lev deque was rejected: its owner pops
//! the newest item, and goroutines that yield to each other would starve the rest.

use std::ptr::{self, NonNull};

use crate::primitive::pad::CachePadded;
use crate::primitive::sync::{AtomicPtr, AtomicU64, Ordering};

/// Items that fit. A power of two, so that the slot of an index survives the wrap-around. A burst of a thousand new goroutines
/// fits: what does not goes through the lock of the global queue and back.
const CAPACITY: u32 = if cfg!(loom) { 4 } else { 1024 };
/// The most items that go elsewhere at once, when the ring is full.
const SPILL: u32 = if cfg!(loom) { 2 } else { 128 };
/// The most items stolen at once. While a thief copies, the owner goes on popping, and each pop makes the copy useless.
const STEAL: u64 = 128;

/// An item, and maybe the two that come next.
pub(crate) type Popped<T> = (NonNull<T>, Option<[NonNull<T>; 2]>);

/// The ring.
pub(crate) struct LocalQueue<T> {
    /// Index of the oldest item. Moved by CAS, by the owner and by thieves.
    head: CachePadded<AtomicU64>,
    /// Index behind the newest item. Written by the owner only.
    tail: CachePadded<AtomicU64>,
    /// The items. Written by the owner only, outside `head..tail`.
    slots: [AtomicPtr<T>; CAPACITY as usize],
}

impl<T> LocalQueue<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicU64::new(0)),
            tail: CachePadded::new(AtomicU64::new(0)),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY as usize],
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self::starting_at(0)
    }

    /// An empty queue whose next item gets the index `start`: tests come close to the wrap-around.
    #[cfg(any(test, loom))]
    fn starting_at(start: u64) -> Self {
        Self {
            head: CachePadded::new(AtomicU64::new(start)),
            tail: CachePadded::new(AtomicU64::new(start)),
            slots: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    #[inline]
    fn slot(&self, index: u64) -> &AtomicPtr<T> {
        &self.slots[(index % u64::from(CAPACITY)) as usize]
    }

    /// Reads the item of an index that lay within `head..tail` when the caller looked.
    #[inline]
    fn read(&self, index: u64) -> Option<NonNull<T>> {
        NonNull::new(self.slot(index).load(Ordering::Relaxed))
    }

    /// Moves `head` over `count` items, if nobody has moved it.
    #[inline]
    fn advance(&self, head: u64, count: u64) -> bool {
        // Release: the slots have been read. The next value is acquired by the next load of `head`.
        self.head
            .compare_exchange(
                head,
                head.wrapping_add(count),
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Adds an item behind all others, or returns it if the ring is full.
    ///
    /// Owner only.
    #[inline]
    pub(crate) fn push_back(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Acquire: the reads of a thief that freed the slot come before our write to it.
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) >= u64::from(CAPACITY) {
            return Err(item);
        }
        self.slot(tail).store(item.as_ptr(), Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Adds an item; if the ring is full, hands the oldest items of it and then the item to `spill`.
    ///
    /// Owner only.
    #[inline]
    pub(crate) fn push_back_or_overflow(
        &self,
        item: NonNull<T>,
        spill: impl FnOnce(Spilled<'_, T>),
    ) {
        if let Err(item) = self.push_back(item)
            && let Some(spilled) = self.overflow(item)
        {
            spill(spilled);
        }
    }

    #[cold]
    fn overflow(&self, item: NonNull<T>) -> Option<Spilled<'_, T>> {
        let count = u64::from(SPILL);
        let tail = self.tail.load(Ordering::Relaxed);
        let head = self.head.load(Ordering::Acquire);
        if tail.wrapping_sub(head) < u64::from(CAPACITY) || !self.advance(head, count) {
            // A thief has made room, and only the owner could fill it again.
            let pushed = self.push_back(item);
            debug_assert!(pushed.is_ok(), "only the owner fills the ring");
            return None;
        }
        // The items are ours since the CAS, and only we write slots: they are read at leisure.
        Some(Spilled {
            ring: self,
            next: head,
            left: count as usize,
            last: Some(item),
        })
    }

    /// Removes and returns the oldest item.
    ///
    /// Owner only.
    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        self.pop_and_peek(u64::MAX).map(|(item, _)| item)
    }

    /// Removes and returns the oldest item, and if at least `len` are left the next two: a hint of what will be popped,
    /// never to be followed.
    ///
    /// Owner only.
    #[inline]
    pub(crate) fn pop_and_peek(&self, len: u64) -> Option<Popped<T>> {
        loop {
            let head = self.head.load(Ordering::Acquire);
            let left = self.tail.load(Ordering::Relaxed).wrapping_sub(head);
            if left == 0 {
                return None;
            }
            let item = self.read(head);
            if self.advance(head, 1) {
                let mut ahead = None;
                if left > len.max(2)
                    && let Some(next) = self.read(head.wrapping_add(1))
                    && let Some(later) = self.read(head.wrapping_add(2))
                {
                    ahead = Some([next, later]);
                }
                return item.map(|item| (item, ahead));
            }
        }
    }

    /// Moves half of the items, rounded up, but no more than a fixed number, to `dst`, except for the oldest, which it returns.
    ///
    /// Any thread may steal from this queue. The caller owns `dst`, another queue.
    pub(crate) fn steal_into(&self, dst: &LocalQueue<T>) -> Option<NonNull<T>> {
        debug_assert!(!ptr::eq(self, dst), "a queue does not steal from itself");
        let dst_tail = dst.tail.load(Ordering::Relaxed);
        // Acquire, as in a push: `dst` has thieves too. It only gets emptier while we hold it.
        let dst_len = dst_tail.wrapping_sub(dst.head.load(Ordering::Acquire));
        let room = u64::from(CAPACITY) - dst_len;
        loop {
            let head = self.head.load(Ordering::Acquire);
            // Acquire: the slots below were written before `tail` was released.
            let tail = self.tail.load(Ordering::Acquire);
            let len = tail.wrapping_sub(head);
            if len == 0 {
                return None;
            }
            if len > u64::from(CAPACITY) {
                // `head` had moved on before `tail` was read: the CAS would fail, after a useless
                // copy.
                continue;
            }
            let count = (len - len / 2).min(STEAL).min(room + 1);
            let first = self.read(head);
            for offset in 1..count {
                let item = self.slot(head.wrapping_add(offset)).load(Ordering::Relaxed);
                dst.slot(dst_tail.wrapping_add(offset - 1))
                    .store(item, Ordering::Relaxed);
            }
            if self.advance(head, count) {
                if count > 1 {
                    dst.tail
                        .store(dst_tail.wrapping_add(count - 1), Ordering::Release);
                }
                return first;
            }
        }
    }

    /// Returns how many items were there at some moment during the call, or a few more.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        // `head` first: `tail` is then at least as far, for a CAS that moved `head` came after it.
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Acquire);
        tail.wrapping_sub(head).min(u64::from(CAPACITY)) as u32
    }

    /// Returns whether the queue was empty at some moment during the call.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What left a full ring: the items whose slots `head` was moved over, oldest first, and then the one there was no room
/// for. Lives within one call of the owner's, which writes no slot meanwhile.
pub(crate) struct Spilled<'a, T> {
    ring: &'a LocalQueue<T>,
    /// Index of the next item.
    next: u64,
    /// Items left in the ring.
    left: usize,
    last: Option<NonNull<T>>,
}

impl<T> Iterator for Spilled<'_, T> {
    type Item = NonNull<T>;

    fn next(&mut self) -> Option<NonNull<T>> {
        if self.left == 0 {
            return self.last.take();
        }
        self.left -= 1;
        let item = self.ring.read(self.next).expect("an item was there");
        self.next = self.next.wrapping_add(1);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.left + usize::from(self.last.is_some());
        (len, Some(len))
    }
}

impl<T> ExactSizeIterator for Spilled<'_, T> {}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model {
    use super::{LocalQueue, NonNull};
    use crate::primitive::list::Fifo;
    use crate::primitive::list::node::{Node, nodes, value};
    use loom::sync::Arc;
    use loom::thread;

    /// A queue, which the model's main thread owns, and the items that go through it; the shared
    /// pointer keeps them alive.
    struct Shared {
        queue: LocalQueue<Node>,
        nodes: Vec<Node>,
    }

    impl Shared {
        fn new(start: u64, items: usize) -> Arc<Self> {
            Arc::new(Self {
                queue: LocalQueue::starting_at(start),
                nodes: nodes(items),
            })
        }

        fn push(&self, item: usize) {
            let pushed = self.queue.push_back(NonNull::from(&self.nodes[item]));
            pushed.expect("room");
        }

        fn pop(&self) -> Option<usize> {
            self.queue.pop().map(value)
        }

        fn push_or_spill(&self, item: usize, spill: &mut Fifo<Node>) {
            let node = NonNull::from(&self.nodes[item]);
            self.queue
                .push_back_or_overflow(node, |items| items.for_each(|item| spill.push_back(item)));
        }

        /// Steals once into a queue of the thief's own; returns everything it got.
        fn steal(&self, start: u64) -> Vec<usize> {
            let own = LocalQueue::starting_at(start);
            let first = self.queue.steal_into(&own);
            let rest = std::iter::from_fn(|| own.pop());
            first.into_iter().chain(rest).map(value).collect()
        }
    }

    fn thief(shared: &Arc<Shared>, start: u64) -> thread::JoinHandle<Vec<usize>> {
        let shared = shared.clone();
        thread::spawn(move || shared.steal(start))
    }

    fn check(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    /// All items arrived, each once.
    fn assert_all(mut got: Vec<usize>, items: usize) {
        got.sort_unstable();
        assert_eq!(got, (0..items).collect::<Vec<_>>());
    }

    /// Pushes and pops interleaved, with more items than slots, so that slots are reused under the
    /// thief.
    fn owner_against_one_thief(start: u64) {
        check(move || {
            let shared = Shared::new(start, 6);
            (0..3).for_each(|item| shared.push(item));
            let thief = thief(&shared, start);
            let mut got: Vec<_> = shared.pop().into_iter().collect();
            shared.push(3);
            got.extend(shared.pop());
            got.extend(shared.pop());
            shared.push(4);
            shared.push(5);
            got.extend(std::iter::from_fn(|| shared.pop()));
            assert!(got.is_sorted(), "the owner pops in order");
            let stolen = thief.join().unwrap();
            assert!(stolen.is_sorted(), "and so does the thief");
            got.extend(stolen);
            assert_all(got, 6);
        });
    }

    #[test]
    fn nothing_is_lost_or_doubled_with_one_thief() {
        owner_against_one_thief(0);
    }

    #[test]
    fn nothing_is_lost_or_doubled_at_the_wrap_around() {
        owner_against_one_thief(u64::MAX - 1);
    }

    #[test]
    fn nothing_is_lost_or_doubled_with_two_thieves() {
        check(|| {
            let shared = Shared::new(u64::MAX, 4);
            (0..3).for_each(|item| shared.push(item));
            let thieves = [thief(&shared, 0), thief(&shared, 0)];
            let mut got: Vec<_> = shared.pop().into_iter().collect();
            shared.push(3);
            got.extend(thieves.into_iter().flat_map(|thief| thief.join().unwrap()));
            got.extend(std::iter::from_fn(|| shared.pop()));
            assert_all(got, 4);
        });
    }

    #[test]
    fn overflow_against_a_thief_keeps_every_item() {
        check(|| {
            let shared = Shared::new(u64::MAX - 1, 6);
            (0..4).for_each(|item| shared.push(item));
            let thief = thief(&shared, 0);
            let mut spill = Fifo::new();
            shared.push_or_spill(4, &mut spill);
            shared.push_or_spill(5, &mut spill);
            let mut got: Vec<_> = std::iter::from_fn(|| spill.pop_front().map(value)).collect();
            got.extend(std::iter::from_fn(|| shared.pop()));
            got.extend(thief.join().unwrap());
            assert_all(got, 6);
        });
    }

    /// The owner of one queue steals from another while a third thread steals from it.
    #[test]
    fn a_thief_can_be_robbed_of_what_it_steals() {
        check(|| {
            let shared = Shared::new(0, 4);
            let middle = Arc::new(LocalQueue::starting_at(0));
            (0..4).for_each(|item| shared.push(item));
            let robber = {
                let middle = middle.clone();
                thread::spawn(move || middle.steal_into(&LocalQueue::starting_at(0)).map(value))
            };
            let first = shared.queue.steal_into(&middle).map(value);
            let robbed = robber.join().unwrap();
            let mut got: Vec<_> = first.into_iter().chain(robbed).collect();
            got.extend(std::iter::from_fn(|| middle.pop().map(value)));
            got.extend(std::iter::from_fn(|| shared.pop()));
            assert_all(got, 4);
        });
    }
}
