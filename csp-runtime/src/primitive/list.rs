//! An intrusive first-in-first-out list: the nodes carry the link, the list allocates nothing.
//!
//! ```text
//!   Fifo { head, tail, len: 3 }
//!            │     └──────────────────────────┐
//!            ▼                                ▼
//!         [node] ── next ──► [node] ──► [node] ── next ──► null
//! ```
//!
//! Run queues and batches of goroutines are such lists. A goroutine is in at most one of them at
//! any time, so one link is enough; batches move from list to list in one step ([`Fifo::append`]).
//!
//! Invariants: a node is in at most one list; a node in a list stays valid and in place, and nobody
//! but the list's owner touches its link; `head` and `tail` are both nodes or both none; the last
//! node has no next; `len` counts the nodes. A list itself has one owner: sharing needs a lock
//! around it.
//!
//! Who upholds the first two is the crate as a whole: a goroutine moves from queue to queue by
//! being popped here and pushed there. The promise is made once, by the `unsafe impl` of [`Linked`]
//! for the one type that is ever linked, and not again at each push.
//!
//! The link is a `Cell`: lists are handed on through locks and queues, which order the accesses. A
//! doubly linked list was not needed: nothing is removed from the middle.
#![expect(
    unsafe_code,
    reason = "the list follows pointers to nodes that it does not own"
)]

use std::cell::Cell;
use std::ptr::NonNull;

/// A node's link: the next node of its list.
pub(crate) type Link<T> = Cell<Option<NonNull<T>>>;

/// A type whose values can be nodes of a [`Fifo`].
///
/// # Safety
///
/// The implementor promises for every pointer of this type that the crate gives to a list or a run
/// queue:
/// - it points to a valid value, which stays so, in place, while it is in there;
/// - the node is in no other list, and the link is touched by nothing but that list;
/// - the pointer may be used on every thread.
///
/// `next` returns the address of one field of the value, always the same one.
pub(crate) unsafe trait Linked: Sized {
    /// Returns the address of the node's link, without reading it.
    fn next(this: NonNull<Self>) -> *const Link<Self>;
}

/// The list.
pub(crate) struct Fifo<T: Linked> {
    /// The oldest node.
    head: Option<NonNull<T>>,
    /// The newest node.
    tail: Option<NonNull<T>>,
    /// The number of nodes.
    len: usize,
}

// SAFETY: a list holds nothing but pointers, and `Linked` promises that those work on every thread.
unsafe impl<T: Linked> Send for Fifo<T> {}

impl<T: Linked> Fifo<T> {
    /// Makes an empty list.
    pub(crate) const fn new() -> Self {
        Self {
            head: None,
            tail: None,
            len: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Adds a node, which is in no list, behind all others.
    #[inline]
    pub(crate) fn push_back(&mut self, node: NonNull<T>) {
        set_next(node, None);
        match self.tail {
            Some(tail) => set_next(tail, Some(node)),
            None => self.head = Some(node),
        }
        self.tail = Some(node);
        self.len += 1;
    }

    /// Adds a node, which is in no list, before all others.
    #[inline]
    pub(crate) fn push_front(&mut self, node: NonNull<T>) {
        set_next(node, self.head);
        if self.tail.is_none() {
            self.tail = Some(node);
        }
        self.head = Some(node);
        self.len += 1;
    }

    /// Removes and returns the oldest node.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        let node = self.head?;
        self.head = get_next(node);
        if self.head.is_none() {
            self.tail = None;
        }
        self.len -= 1;
        Some(node)
    }

    /// Moves all nodes of `other` behind this list's own, in their order.
    #[inline]
    pub(crate) fn append(&mut self, other: &mut Fifo<T>) {
        let Some(first) = other.head else {
            return;
        };
        match self.tail {
            Some(tail) => set_next(tail, Some(first)),
            None => self.head = Some(first),
        }
        self.tail = other.tail;
        self.len += other.len;
        *other = Fifo::new();
    }

    /// Moves up to `max` of the oldest nodes behind those of `out`; returns how many.
    ///
    /// Follows the links of the nodes it moves and writes only two of them.
    pub(crate) fn split_front(&mut self, max: usize, out: &mut Fifo<T>) -> usize {
        let count = self.len.min(max);
        if count == self.len {
            out.append(self);
            return count;
        }
        let Some(first) = self.head.filter(|_| count > 0) else {
            return 0;
        };
        let mut last = first;
        for _ in 1..count {
            last = get_next(last).expect("len counts the nodes");
        }
        let mut front = Fifo {
            head: Some(first),
            tail: Some(last),
            len: count,
        };
        // More than `count` nodes: `last` has a next one, and `tail` stays as it is.
        self.head = get_next(last);
        self.len -= count;
        set_next(last, None);
        out.append(&mut front);
        count
    }
}

/// The link of a node that is in a list, or is about to be.
#[inline]
fn link<'a, T: Linked>(node: NonNull<T>) -> &'a Link<T> {
    // SAFETY: `Linked` promises a field of a value that is valid while a list holds it, and every
    // caller below uses the reference for one access and lets it go.
    unsafe { &*T::next(node) }
}

#[inline]
fn get_next<T: Linked>(node: NonNull<T>) -> Option<NonNull<T>> {
    link(node).get()
}

#[inline]
fn set_next<T: Linked>(node: NonNull<T>, next: Option<NonNull<T>>) {
    link(node).set(next);
}

/// A node for the tests of everything that moves nodes about.
#[cfg(test)]
pub(crate) mod node {
    use super::{Link, Linked, NonNull};

    pub(crate) struct Node {
        next: Link<Node>,
        value: usize,
    }

    // SAFETY: every test keeps its nodes alive while they are linked, and links each once at a
    // time.
    unsafe impl Linked for Node {
        fn next(this: NonNull<Self>) -> *const Link<Self> {
            // SAFETY: valid, as just promised; only the address is taken.
            unsafe { &raw const (*this.as_ptr()).next }
        }
    }

    // SAFETY: the link is handed from thread to thread by locks and queues, which order the
    // accesses.
    unsafe impl Sync for Node {}

    /// Nodes with the values from 0.
    pub(crate) fn nodes(count: usize) -> Vec<Node> {
        let next = || Link::new(None);
        (0..count)
            .map(|value| Node {
                next: next(),
                value,
            })
            .collect()
    }

    pub(crate) fn value(node: NonNull<Node>) -> usize {
        // SAFETY: every test keeps its nodes alive.
        unsafe { node.as_ref() }.value
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::node::{Node, nodes, value};
    use super::{Fifo, NonNull};

    fn list(nodes: &[Node]) -> Fifo<Node> {
        let mut list = Fifo::new();
        nodes
            .iter()
            .for_each(|node| list.push_back(NonNull::from(node)));
        list
    }

    fn drain(list: &mut Fifo<Node>) -> Vec<usize> {
        std::iter::from_fn(|| list.pop_front().map(value)).collect()
    }

    #[test]
    fn nodes_leave_in_the_order_they_came() {
        let nodes = nodes(3);
        let mut list = list(&nodes);
        assert_eq!(list.len(), 3);
        assert_eq!(drain(&mut list), [0, 1, 2]);
        assert!(list.is_empty() && list.pop_front().is_none());
        assert_eq!(list.len(), 0);
    }

    #[test]
    fn push_front_overtakes() {
        let nodes = nodes(4);
        let mut list = list(&nodes[..2]);
        list.push_front(NonNull::from(&nodes[2]));
        assert_eq!(drain(&mut list), [2, 0, 1]);
        list.push_front(NonNull::from(&nodes[3]));
        list.push_back(NonNull::from(&nodes[0]));
        assert_eq!(drain(&mut list), [3, 0]);
    }

    #[test]
    fn append_joins_and_empties() {
        let nodes = nodes(5);
        let (mut first, mut second) = (list(&nodes[..2]), list(&nodes[2..]));
        first.append(&mut second);
        assert!(second.is_empty());
        first.append(&mut second);
        assert_eq!(first.len(), 5);
        let mut empty = Fifo::new();
        empty.append(&mut first);
        assert_eq!(drain(&mut empty), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn split_front_takes_the_oldest() {
        for max in 0..=5 {
            let nodes = nodes(4);
            let (mut list, mut out) = (list(&nodes), Fifo::new());
            let taken = list.split_front(max, &mut out);
            assert_eq!(taken, max.min(4));
            assert_eq!((out.len(), list.len()), (taken, 4 - taken));
            assert_eq!(drain(&mut out), (0..taken).collect::<Vec<_>>());
            assert_eq!(drain(&mut list), (taken..4).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_popped_node_can_be_pushed_again() {
        let nodes = nodes(1);
        let mut list = list(&nodes);
        for _ in 0..3 {
            let node = list.pop_front().expect("one node");
            list.push_back(node);
        }
        assert_eq!(drain(&mut list), [0]);
    }
}
