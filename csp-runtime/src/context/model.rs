//! Models of the tree of cancellation: the races in the table of `tree`, in every order, with the code that ships.
//!
//! Time is a number that the models set.

use super::error::ContextError;
use super::tree::{Cause, End, Node};
use crate::channel::Done;
use crate::primitive::clock::NEVER;
use crate::primitive::sync::{AtomicU64, AtomicUsize, Ordering};
use loom::thread::{self, JoinHandle};
use std::panic::Location;
use std::sync::Arc;

loom::lazy_static! {
    static ref CLOCK: AtomicU64 = AtomicU64::new(0);
}

/// The time, for `tree`.
pub(super) fn now() -> u64 {
    CLOCK.load(Ordering::SeqCst)
}

/// The deadline in these models; the clock begins before it.
const DEADLINE: u64 = 10;

fn pass_deadline() {
    CLOCK.store(DEADLINE, Ordering::SeqCst);
}

/// Causes are told apart by their addresses: their errors are all the same.
fn cause() -> Cause {
    Arc::new(ContextError::Canceled)
}

fn root() -> Arc<Node> {
    Node::new(None, NEVER, None)
}

fn child(parent: &Arc<Node>) -> Arc<Node> {
    Node::new(Some(parent), NEVER, None)
}

fn ended(node: &Node) -> Option<End> {
    node.look(Clone::clone)
}

fn err(node: &Node) -> Option<ContextError> {
    node.err()
}

fn has_cause(node: &Node, cause: &Cause) -> bool {
    let found = ended(node).and_then(|end| end.cause);
    found.is_some_and(|found| Arc::ptr_eq(&found, cause))
}

fn spawn<T: 'static>(node: &Arc<Node>, f: impl FnOnce(Arc<Node>) -> T + 'static) -> JoinHandle<T> {
    let node = node.clone();
    thread::spawn(move || f(node))
}

/// An action that counts how often it is done.
fn counted() -> (Arc<AtomicUsize>, Box<dyn FnOnce() + Send>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let action = move || {
        counter.fetch_add(1, Ordering::SeqCst);
    };
    (count, Box::new(action))
}

#[test]
fn loom_a_child_that_attaches_while_its_parent_is_cancelled_is_cancelled() {
    loom::model(|| {
        let parent = root();
        let why = cause();
        let given = why.clone();
        let canceller = spawn(&parent, move |parent| parent.cancel(Some(given)));
        let child = child(&parent);
        canceller.join().unwrap();
        assert_eq!(err(&child), Some(ContextError::Canceled));
        assert!(has_cause(&child, &why) && child.signal().is_closed());
        assert!(parent.has_no_children());
    });
}

#[test]
fn loom_a_child_and_its_parent_are_cancelled_at_once() {
    loom::model(|| {
        let parent = root();
        let child = child(&parent);
        let (of_parent, of_child) = (cause(), cause());
        let given = of_parent.clone();
        let canceller = spawn(&parent, move |parent| parent.cancel(Some(given)));
        child.cancel(Some(of_child.clone()));
        let first = has_cause(&child, &of_child);
        canceller.join().unwrap();
        assert!(has_cause(&parent, &of_parent));
        assert_eq!(has_cause(&child, &of_child), first);
        assert_eq!(has_cause(&child, &of_parent), !first);
        assert!(parent.has_no_children());
    });
}

#[test]
fn loom_two_cancels_agree_on_one_cause() {
    loom::model(|| {
        let node = root();
        let (one, other) = (cause(), cause());
        let given = one.clone();
        let canceller = spawn(&node, move |node| {
            node.cancel(Some(given));
            ended(&node)
        });
        node.cancel(Some(other.clone()));
        let here = has_cause(&node, &other);
        let there = canceller.join().unwrap().and_then(|end| end.cause);
        let there = there.expect("it has been cancelled");
        assert!(Arc::ptr_eq(&there, if here { &other } else { &one }));
    });
}

#[test]
fn loom_who_waits_for_done_is_woken_and_finds_the_error() {
    loom::model(|| {
        let parent = root();
        let child = child(&parent);
        let waiter = spawn(&child, |child| {
            assert!(child.signal().wait(NEVER, Location::caller()));
            err(&child)
        });
        parent.cancel(None);
        assert_eq!(waiter.join().unwrap(), Some(ContextError::Canceled));
    });
}

#[test]
fn loom_the_clock_and_a_cancel_agree_on_one_error() {
    loom::model(|| {
        let parent = Node::new(None, DEADLINE, None);
        let child = child(&parent);
        let looker = spawn(&child, |child| {
            pass_deadline();
            err(&child)
        });
        parent.cancel(None);
        let (here, there) = (err(&parent), looker.join().unwrap());
        assert!(here.is_some() && there.is_some());
        assert_eq!((err(&parent), err(&child)), (here, there));
        assert_eq!(here, there);
    });
}

#[test]
fn loom_what_is_cancelled_after_its_deadline_has_exceeded_it() {
    loom::model(|| {
        let node = Node::new(None, DEADLINE, None);
        let canceller = spawn(&node, |node| node.cancel(None));
        pass_deadline();
        let seen = err(&node);
        canceller.join().unwrap();
        node.cancel(None);
        assert!(seen.is_some());
        assert_eq!(err(&node), seen);
    });
}

#[test]
fn loom_two_who_ask_at_the_deadline_find_the_same_at_once() {
    loom::model(|| {
        let top = Node::new(None, DEADLINE, None);
        let (left, right) = (child(&top), child(&top));
        pass_deadline();
        let looker = spawn(&left, |left| err(&left));
        let exceeded = Some(ContextError::DeadlineExceeded);
        assert_eq!(err(&right), exceeded);
        assert_eq!(looker.join().unwrap(), exceeded);
        assert_eq!(err(&top), exceeded);
        assert!(top.has_no_children());
    });
}

#[test]
fn loom_a_child_that_is_dropped_leaves_its_action_to_its_parent() {
    loom::model(|| {
        let parent = root();
        let (count, action) = counted();
        let child = child(&parent);
        assert!(child.add(action).is_ok());
        let canceller = spawn(&parent, |parent| parent.cancel(None));
        drop(child);
        canceller.join().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(parent.has_no_children());
    });
}

#[test]
fn loom_an_action_is_done_once_or_taken_out() {
    loom::model(|| {
        let node = root();
        let (count, action) = counted();
        let canceller = spawn(&node, |node| node.cancel(None));
        let removed = match node.add(action) {
            Ok(number) => node.remove(number).is_some(),
            Err(action) => {
                action();
                false
            }
        };
        canceller.join().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), usize::from(!removed));
    });
}

#[test]
fn loom_a_deadline_that_has_passed_is_not_overwritten_from_above() {
    loom::model(|| {
        let parent = root();
        let why = cause();
        let child = Node::new(Some(&parent), DEADLINE, Some(why.clone()));
        pass_deadline();
        let looker = spawn(&child, |child| err(&child));
        parent.cancel(None);
        assert_eq!(err(&parent), Some(ContextError::Canceled));
        let exceeded = Some(ContextError::DeadlineExceeded);
        assert_eq!((looker.join().unwrap(), err(&child)), (exceeded, exceeded));
        assert!(has_cause(&child, &why) && parent.has_no_children());
    });
}

#[test]
fn loom_children_with_one_deadline_end_alike_whoever_is_asked() {
    loom::model(|| {
        let parent = root();
        let asked = Node::new(Some(&parent), DEADLINE, None);
        let other = Node::new(Some(&parent), DEADLINE, None);
        let canceller = spawn(&parent, |parent| parent.cancel(None));
        pass_deadline();
        let seen = err(&asked);
        canceller.join().unwrap();
        assert!(seen.is_some());
        assert_eq!((err(&asked), err(&other)), (seen, seen));
    });
}

#[test]
fn loom_nested_deadlines_have_their_own_causes_whoever_is_asked_first() {
    loom::model(|| {
        let (of_outer, of_inner) = (cause(), cause());
        let outer = Node::new(None, DEADLINE, Some(of_outer.clone()));
        let inner = Node::new(Some(&outer), DEADLINE - 1, Some(of_inner.clone()));
        pass_deadline();
        let looker = spawn(&outer, |outer| err(&outer));
        assert!(has_cause(&inner, &of_inner));
        assert_eq!(looker.join().unwrap(), Some(ContextError::DeadlineExceeded));
        assert!(has_cause(&inner, &of_inner) && has_cause(&outer, &of_outer));
    });
}

#[test]
fn loom_a_child_asked_at_the_deadline_has_the_error_of_the_nearest_that_has_ended() {
    loom::model(|| {
        let top = Node::new(None, DEADLINE, None);
        let middle = child(&top);
        let kid = child(&middle);
        let canceller = spawn(&middle, |middle| middle.cancel(None));
        pass_deadline();
        let seen = err(&kid);
        canceller.join().unwrap();
        assert!(seen.is_some());
        assert_eq!((err(&kid), err(&middle)), (seen, seen));
        assert_eq!(err(&top), Some(ContextError::DeadlineExceeded));
    });
}
