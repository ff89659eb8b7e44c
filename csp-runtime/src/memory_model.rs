//! The rules of the memory model, each as a model: what happens before, on plain data.
//!
//! `docs/memory-model.md` states the rules; here loom runs the queues, channels and locks that ship through the
//! interleavings and fails a model as soon as two accesses to a [`Plain`] are not ordered. Tasks are threads of loom's.
//!
//! A goroutine's way from `go!` to its first step is that of an item through a run queue: its creator writes what it is to
//! find and pushes it; an M takes it. All the ways an item can take from one M to another are modelled, each for itself.
//!
//! Locks of the runtime are held in turns given by loom, which orders too. That their own word orders as well is the
//! model in `primitive::spin`; that the end of a goroutine comes before its `join`, the one in `protocol::join`; `done` and
//! `wait`, in `sync::waitgroup`.
//!
//! The last model has a race on purpose: it shows that these models would find one.

use std::ptr::NonNull;

use loom::sync::Arc;
use loom::thread;

use crate::channel::{Receiver, Sender, channel, unbounded};
use crate::primitive::list::node::{Node, nodes, value};
use crate::primitive::model::{Plain, check};
use crate::primitive::sync::{Ordering, fence};
use crate::queue::{BlockQueue, LocalQueue, NextSlot, Store};
use crate::sync::Mutex;

/// Plain words.
fn data<const N: usize>() -> Arc<[Plain; N]> {
    Arc::new(std::array::from_fn(|_| Plain::new()))
}

/// Runs `creator` beside `finder`, which returns the items that it took; they are to find what was written for them.
fn started<Q: Send + Sync + 'static>(
    queue: fn() -> Q,
    creator: fn(&Q, NonNull<Node>),
    finder: fn(&Q) -> Vec<NonNull<Node>>,
) {
    check(4, move || {
        let shared = Arc::new((queue(), nodes(2), [Plain::new(), Plain::new()]));
        let m = {
            let shared = shared.clone();
            thread::spawn(move || {
                for item in finder(&shared.0) {
                    assert_eq!(shared.2[value(item)].get(), 1);
                }
            })
        };
        for (node, data) in shared.1.iter().zip(&shared.2) {
            data.set(1);
            creator(&shared.0, NonNull::from(node));
        }
        m.join().unwrap();
    });
}

/// Steals once, into a queue of the thief's own.
fn steal(queue: &LocalQueue<Node>) -> Vec<NonNull<Node>> {
    let own = LocalQueue::new();
    let first = queue.steal_into(&own);
    let rest = std::iter::from_fn(|| own.pop());
    first.into_iter().chain(rest).collect()
}

#[test]
fn rule_1_what_precedes_go_is_found_through_the_global_queue() {
    started(
        || BlockQueue::new(Box::leak(Box::new(Store::new()))),
        BlockQueue::push,
        |queue| queue.pop().into_iter().collect(),
    );
}

#[test]
fn rule_1_what_precedes_go_is_found_by_a_thief() {
    started(
        LocalQueue::new,
        |queue, item| queue.push_back(item).expect("room"),
        steal,
    );
}

#[test]
fn rule_1_what_precedes_go_is_found_by_a_thief_of_runnext() {
    started(
        || NextSlot::new(true),
        |next, item| {
            let _replaced = next.put(item);
        },
        |next| {
            let stolen = next.steal(next.peek(), || fence(Ordering::SeqCst));
            stolen.into_iter().collect()
        },
    );
}

/// A send before its receive, on a channel made by `open`.
fn send_before_receive(open: fn() -> (Sender<u32>, Receiver<u32>)) {
    check(4, move || {
        let ((tx, rx), data) = (open(), data::<2>());
        let sender = {
            let data = data.clone();
            thread::spawn(move || {
                for n in 0..2 {
                    data[n as usize].set(n + 1);
                    tx.send(n).unwrap();
                }
            })
        };
        for n in 0..2 {
            assert_eq!(rx.recv(), Some(n));
            assert_eq!(data[n as usize].get(), n + 1);
        }
        sender.join().unwrap();
    });
}

#[test]
fn rule_2_a_send_happens_before_its_receive_without_a_buffer() {
    send_before_receive(|| channel(0));
}

#[test]
fn rule_2_a_send_happens_before_its_receive_with_a_buffer() {
    send_before_receive(|| channel(1));
}

#[test]
fn rule_2_a_send_happens_before_its_receive_without_a_limit() {
    send_before_receive(unbounded);
}

#[test]
fn rule_2_holds_through_a_third_task() {
    check(2, || {
        let (tx, between) = channel::<u32>(0);
        let (on, rx) = channel(1);
        let data = data::<1>();
        let sender = {
            let data = data.clone();
            thread::spawn(move || {
                data[0].set(1);
                tx.send(5).unwrap();
            })
        };
        let relay = thread::spawn(move || on.send(between.recv().unwrap()).unwrap());
        assert_eq!(rx.recv(), Some(5));
        assert_eq!(data[0].get(), 1);
        sender.join().unwrap();
        relay.join().unwrap();
    });
}

/// A close by `close` before the receives, of two tasks, that find it.
fn close_before_receive(close: fn(Sender<u32>)) {
    check(2, move || {
        let ((tx, rx), data) = (channel(1), data::<1>());
        let reader = |rx: Receiver<u32>, data: Arc<[Plain; 1]>| {
            thread::spawn(move || {
                while rx.recv().is_some() {}
                assert_eq!(data[0].get(), 1);
            })
        };
        let readers = [reader(rx.clone(), data.clone()), reader(rx, data.clone())];
        // Both receivers may still be there, or wait, or come later; the value goes to one of them.
        tx.send(7).unwrap();
        data[0].set(1);
        close(tx);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
fn rule_3_a_close_happens_before_the_receives_that_find_it() {
    close_before_receive(|tx| tx.close());
}

#[test]
fn rule_3_the_last_sender_gone_is_a_close() {
    close_before_receive(drop);
}

/// A receiver that writes before each of `N` receives; the sender finds what was written before the receive that is
/// `capacity` earlier.
fn receive_before_send_ends<const N: usize>(capacity: usize) {
    check(4, move || {
        let ((tx, rx), data) = (channel(capacity), data::<N>());
        let receiver = {
            let data = data.clone();
            thread::spawn(move || {
                for written in data.iter() {
                    written.set(1);
                    rx.recv().unwrap();
                }
            })
        };
        for n in 0..N {
            tx.send(n).unwrap();
            if n >= capacity {
                assert_eq!(data[n - capacity].get(), 1);
            }
        }
        receiver.join().unwrap();
    });
}

#[test]
fn rule_4_a_receive_happens_before_the_end_of_its_unbuffered_send() {
    receive_before_send_ends::<2>(0);
}

#[test]
fn rule_5_a_receive_happens_before_the_end_of_the_send_that_follows_by_the_capacity() {
    receive_before_send_ends::<3>(1);
    receive_before_send_ends::<3>(2);
}

#[test]
fn rule_5_makes_a_channel_of_capacity_one_a_lock() {
    check(4, || {
        let ((lock, unlock), data) = (channel(1), data::<1>());
        let worker = |lock: Sender<()>, unlock: Receiver<()>, data: Arc<[Plain; 1]>| {
            move || {
                lock.send(()).unwrap();
                data[0].set(data[0].get() + 1);
                unlock.recv().unwrap();
            }
        };
        let other = thread::spawn(worker(lock.clone(), unlock.clone(), data.clone()));
        worker(lock, unlock, data.clone())();
        other.join().unwrap();
        assert_eq!(data[0].get(), 2);
    });
}

#[test]
fn rule_6_an_unlock_happens_before_the_next_lock() {
    check(4, || {
        let shared = Arc::new((Mutex::new(()), Plain::new()));
        let count = |shared: &(Mutex<()>, Plain)| {
            let _guard = shared.0.lock();
            shared.1.set(shared.1.get() + 1);
        };
        let other = {
            let shared = shared.clone();
            thread::spawn(move || (0..2).for_each(|_| count(&shared)))
        };
        count(&shared);
        other.join().unwrap();
        assert_eq!(shared.1.get(), 3);
    });
}

/// Rule 4 on a channel with a buffer, where it does not hold.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_model_without_its_rule_fails() {
    check(2, || {
        let ((tx, rx), data) = (channel(1), data::<1>());
        let receiver = {
            let data = data.clone();
            thread::spawn(move || {
                data[0].set(1);
                rx.recv().unwrap();
            })
        };
        tx.send(()).unwrap();
        data[0].get();
        receiver.join().unwrap();
    });
}
