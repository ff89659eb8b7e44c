//! What the ring does for one thread, and that threads together lose nothing.
//!
//! The interleavings are explored by the models beside the code.

use super::{CAPACITY, LocalQueue, NonNull, SPILL};
use crate::primitive::list::Fifo;
use crate::primitive::list::node::{Node, nodes, value};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn push(queue: &LocalQueue<Node>, node: &Node) -> bool {
    queue.push_back(NonNull::from(node)).is_ok()
}

fn pop(queue: &LocalQueue<Node>) -> Option<usize> {
    queue.pop().map(value)
}

fn steal(from: &LocalQueue<Node>, to: &LocalQueue<Node>) -> Option<usize> {
    from.steal_into(to).map(value)
}

fn drain(queue: &LocalQueue<Node>) -> Vec<usize> {
    std::iter::from_fn(|| pop(queue)).collect()
}

#[test]
fn items_leave_in_the_order_they_came() {
    let nodes = nodes(3);
    let queue = LocalQueue::new();
    assert!(queue.is_empty());
    assert!(nodes.iter().all(|node| push(&queue, node)));
    assert_eq!(queue.len(), 3);
    assert_eq!(drain(&queue), [0, 1, 2]);
    assert!(queue.is_empty());
}

#[test]
fn a_full_ring_returns_the_item() {
    let nodes = nodes(CAPACITY as usize + 1);
    let queue = LocalQueue::new();
    let (last, fitting) = nodes.split_last().expect("not empty");
    assert!(fitting.iter().all(|node| push(&queue, node)));
    assert_eq!(queue.len(), CAPACITY);
    let refused = queue.push_back(NonNull::from(last));
    assert_eq!(refused, Err(NonNull::from(last)));
    assert_eq!(pop(&queue), Some(0));
    assert!(push(&queue, last));
}

#[test]
fn overflow_spills_the_oldest_and_then_the_item() {
    let capacity = CAPACITY as usize;
    let nodes = nodes(capacity + 1);
    let queue = LocalQueue::starting_at(u64::MAX - 7);
    let mut spill = Fifo::new();
    for node in &nodes {
        queue.push_back_or_overflow(NonNull::from(node), |items| {
            items.for_each(|item| spill.push_back(item))
        });
    }
    let spilled = SPILL as usize;
    assert_eq!(spill.len(), spilled + 1);
    let found: Vec<_> = std::iter::from_fn(|| spill.pop_front().map(value)).collect();
    let expected: Vec<_> = (0..spilled).chain([capacity]).collect();
    assert_eq!(found, expected);
    assert_eq!(drain(&queue), (spilled..capacity).collect::<Vec<_>>());
}

#[test]
fn a_thief_takes_half_rounded_up_and_returns_the_oldest() {
    for count in 1..=9 {
        let nodes = nodes(count);
        let (from, to) = (
            LocalQueue::starting_at(u64::MAX - 3),
            LocalQueue::starting_at(u64::MAX),
        );
        assert!(nodes.iter().all(|node| push(&from, node)));
        let taken = count.div_ceil(2);
        assert_eq!(steal(&from, &to), Some(0));
        assert_eq!(drain(&to), (1..taken).collect::<Vec<_>>());
        assert_eq!(drain(&from), (taken..count).collect::<Vec<_>>());
    }
}

#[test]
fn an_empty_queue_has_nothing_to_steal() {
    let (from, to) = (LocalQueue::<Node>::new(), LocalQueue::new());
    assert_eq!(steal(&from, &to), None);
}

#[test]
fn a_thief_with_a_full_queue_takes_one() {
    let capacity = CAPACITY as usize;
    let nodes = nodes(2 * capacity);
    let (from, to) = (LocalQueue::new(), LocalQueue::new());
    assert!(nodes[..capacity].iter().all(|node| push(&from, node)));
    assert!(nodes[capacity..].iter().all(|node| push(&to, node)));
    assert_eq!(steal(&from, &to), Some(0));
    assert_eq!((from.len(), to.len()), (CAPACITY - 1, CAPACITY));
}

#[test]
fn indices_wrap_around() {
    let nodes = nodes(1000);
    let queue = LocalQueue::starting_at(u64::MAX - 500);
    for (index, pair) in nodes.chunks(2).enumerate() {
        assert!(pair.iter().all(|node| push(&queue, node)));
        assert_eq!(pop(&queue), Some(2 * index));
        assert_eq!(queue.len(), 1);
        assert_eq!(pop(&queue), Some(2 * index + 1));
    }
}

#[test]
fn thieves_and_owner_see_every_item_once() {
    const ITEMS: usize = 100_000;
    let nodes = nodes(ITEMS);
    let seen: Vec<_> = (0..ITEMS).map(|_| AtomicUsize::new(0)).collect();
    let see = |value: usize| {
        seen[value].fetch_add(1, Ordering::Relaxed);
    };
    let queue = LocalQueue::starting_at(u64::MAX - 1000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let own = LocalQueue::new();
                while !done.load(Ordering::Acquire) || !queue.is_empty() {
                    steal(&queue, &own).into_iter().for_each(see);
                    drain(&own).into_iter().for_each(see);
                    std::thread::yield_now();
                }
            });
        }
        let mut spill = Fifo::new();
        for (index, node) in nodes.iter().enumerate() {
            queue.push_back_or_overflow(NonNull::from(node), |items| {
                items.for_each(|item| spill.push_back(item))
            });
            if index % 3 == 0 {
                pop(&queue).into_iter().for_each(see);
            }
            while let Some(node) = spill.pop_front() {
                see(value(node));
            }
        }
        done.store(true, Ordering::Release);
    });
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}
