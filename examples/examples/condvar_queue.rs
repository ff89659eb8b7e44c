//! A queue with room for a few items, made of a `Mutex` and two condition variables: who has put or taken an item
//! signals one of those who wait for that, and closing the queue broadcasts to all.
//!
//! `cargo run --release --example condvar_queue` prints
//!
//! ```text
//! 2 producers, 3 consumers: 200 items arrived, each once, never more than 4 in the queue
//! after the broadcast all 3 consumers have ended
//! a producer at a full queue got its item back when it was closed
//! ```

use std::collections::VecDeque;

use csp::prelude::*;
use csp::sync::{Condvar, Mutex};

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 3;
/// How many items each producer makes.
const ITEMS: usize = 100;
const CAPACITY: usize = 4;

struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    /// An item was put, or the queue was closed.
    put: Condvar,
    /// An item was taken, or the queue was closed.
    taken: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// The most items there ever were.
    peak: usize,
}

impl<T> Queue<T> {
    fn new(capacity: usize) -> Self {
        let state = State {
            items: VecDeque::with_capacity(capacity),
            closed: false,
            peak: 0,
        };
        Queue {
            capacity,
            state: Mutex::new(state),
            put: Condvar::new(),
            taken: Condvar::new(),
        }
    }

    /// Waits for room. A closed queue takes nothing and gives the item back.
    fn push(&self, item: T) -> Result<(), T> {
        let full = |state: &mut State<T>| state.items.len() == self.capacity && !state.closed;
        let mut state = self.taken.wait_while(self.state.lock(), full);
        if state.closed {
            return Err(item);
        }
        state.items.push_back(item);
        state.peak = state.peak.max(state.items.len());
        // One item, one consumer: waking more would be in vain.
        self.put.notify_one();
        Ok(())
    }

    /// Waits for an item; `None` once the queue is closed and empty.
    fn pop(&self) -> Option<T> {
        let empty = |state: &mut State<T>| state.items.is_empty() && !state.closed;
        let mut state = self.put.wait_while(self.state.lock(), empty);
        let item = state.items.pop_front()?;
        self.taken.notify_one();
        Some(item)
    }

    /// Lets nothing more in. Everybody who waits has to learn of it.
    fn close(&self) {
        self.state.lock().closed = true;
        self.put.notify_all();
        self.taken.notify_all();
    }
}

fn produce(queue: &Queue<usize>, first: usize) {
    for item in first..first + ITEMS {
        queue.push(item).expect("the queue is open");
    }
}

fn consume(queue: &Queue<usize>) -> Vec<usize> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[csp::main]
fn main() {
    let queue = Queue::new(CAPACITY);
    let mut items = scope(|s| {
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| go!(in s => consume(&queue)))
            .collect();
        scope(|s| {
            for number in 0..PRODUCERS {
                go!(in s => produce(&queue, number * ITEMS));
            }
        });
        // The producers are done: without the broadcast the consumers would wait for ever.
        queue.close();
        let consumed = consumers.into_iter().map(|consumer| consumer.join());
        consumed.flat_map(Result::unwrap).collect::<Vec<usize>>()
    });
    items.sort_unstable();
    assert!(items.iter().copied().eq(0..PRODUCERS * ITEMS), "{items:?}");
    let peak = queue.state.lock().peak;
    assert!((1..=CAPACITY).contains(&peak), "{peak}");
    println!(
        "{PRODUCERS} producers, {CONSUMERS} consumers: {} items arrived, each once, never more than {CAPACITY} in the queue",
        items.len()
    );
    println!("after the broadcast all {CONSUMERS} consumers have ended");

    let full = Queue::new(1);
    full.push("first").expect("there is room");
    let refused = scope(|s| {
        let producer = go!(in s, ref(full) => full.push("second"));
        full.close();
        producer.join().unwrap()
    });
    assert_eq!(refused, Err("second"));
    assert_eq!((full.pop(), full.pop()), (Some("first"), None));
    println!("a producer at a full queue got its item back when it was closed");
}
