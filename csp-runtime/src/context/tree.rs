//! The tree of cancellation: who is cancelled, with what error and cause, and who must follow.
//!
//! ```text
//!                    finish: by its handle, by its parent, by the clock
//!   Open { children, actions } ─────────────────────────────────────► Ended { err, cause }
//!                                   children and actions are handed
//!                                   to whoever finished it
//! ```
//!
//! Parents know their children weakly, children hold their parents: what nobody can see or cancel any more is freed, and
//! takes itself out of its parent. A node knows its number in its parent's slab, so that this takes constant time.
//!
//! # Deadlines
//!
//! No timer runs. A node's deadline is the earliest of its own and its ancestors', known when it is made; it is the node's
//! *own* if it is earlier than the parent's. The signal closes by the clock; whoever first asks such a node for its error
//! finishes the ancestor whose own that deadline is ([`Node::expire`]), from where everything below follows. Hence: once
//! `done` is ready, there is an error, and it never changes.
//!
//! Who is asked first makes no difference, because an end says when it was: a cancel by the clock, read under the node's
//! lock; an expiry by the deadline. What is below has the end of whatever was first on its way up to the root:
//!
//! ```text
//!   a node below an end E:   its own deadline ≤ E.at    it has exceeded that, with its own cause
//!                            else                       E, as its parent
//! ```
//!
//! Whoever has read the clock at or after a deadline and then finds a node open under its lock, knows that no cancel of it
//! can be earlier than that deadline. So [`Node::expire`] locks each node on its way up.
//!
//! # The word
//!
//! How a node has ended is also in its signal, one word, written once, under the lock of the node (Release), and read without (Acquire).
//! It is *the* transition to those who ask: `done` is closed exactly when there is an error. Who finds it written and wants the
//! cause takes the lock, and so comes after the whole of `finish`. Who finds 0 goes on as if it had come before; to attach,
//! to add or to wait it looks again under the lock. There is no other shared word whose order to this one matters, so
//! that nothing has to be sequentially consistent.
//!
//! # Races
//!
//! Every transition of a node happens under its lock. No two locks of nodes are held at once; below a node's lock only
//! that of its own signal is taken. Locks are spin locks: nothing is allocated, freed or run under them.
//!
//! | at once | what decides | result |
//! |---|---|---|
//! | two cancels; cancel and expire; cancel of a child and of its parent | whose `finish` is first | the loser finds the node ended, and leaves its children to the winner |
//! | a child attaches, the parent ends | the parent's lock | either the child is in the slab that the finisher takes, or `attach` fails and the maker ends it with the parent's error |
//! | a child leaves, the parent ends | the parent's lock | either it is out of the slab, or the slab was taken and its number means nothing |
//! | a child is dropped, the parent's finisher comes for it | its reference count | the weak reference no longer leads anywhere, or keeps it a moment longer |
//! | a child asks at the deadline, the finisher of an ancestor is on its way down | the child's own `finish` | the child ends itself, as the finisher would |
//! | a child expires, an ancestor is cancelled | the ancestor's lock | the cancel is found, or is later than the deadline |
//! | an action is added, the node ends | the node's lock | the finisher starts it, or `add` hands it back to be started |
//! | an action is removed, the node ends | the node's lock | it is removed, or started |
//!
//! A node that is dropped while it is open can only have ended with its parent (it has no handle, no deadline: a watcher
//! holds a node with both a deadline and actions). So its actions go over to its parent.
//!
//! Neither ending nor dropping recurs: a chain of contexts may be longer than a goroutine's stack is deep. That is not so
//! for chains that users make, of functions that own the handle of the next.
//!
//! Destructors of users run on the way, of causes and of functions. If one panics, the rest is ended all the same, and then
//! the panic goes on.

use std::error::Error;
use std::panic::Location;
use std::sync::{Arc, Weak};

use super::descent::{Left, run};
use super::error::ContextError;
#[cfg(all(test, loom))]
use super::model::now;
use super::slab::{Chunk, NONE, Slab};
use crate::channel::{Done, Signal};
#[cfg(not(all(test, loom)))]
use crate::primitive::clock::now;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{AtomicUsize, Ordering};

/// What somebody gave as the reason.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// What is to be done when a node has ended; called without any lock.
pub(super) type Action = Box<dyn FnOnce() + Send>;

/// How a node has ended.
#[derive(Clone)]
pub(super) struct End {
    pub(super) err: ContextError,
    /// When, in nanoseconds; 0 if nothing is below that could ask.
    at: u64,
    /// `None` if it is the error itself.
    pub(super) cause: Option<Cause>,
}

/// A context that can be cancelled.
pub(super) struct Node {
    /// Closed when the node ends, with its error's number; its deadline is the node's.
    signal: Signal,
    /// What the cause shall be if the node's own deadline passes. Constant.
    late: Option<Cause>,
    /// Constant until the node is dropped.
    parent: Option<Arc<Node>>,
    /// The number in the parent's `children`, or `NONE`. Under the parent's lock.
    slot: AtomicUsize,
    state: Spin<State>,
}

/// The protected part.
struct State {
    /// `None` while it is open; set once.
    end: Option<End>,
    /// Empty once it has ended.
    children: Slab<Weak<Node>>,
    /// Empty once it has ended.
    actions: Slab<Action>,
    /// Ends the watcher when it is closed: there is one while there are both actions and a deadline.
    watch: Option<Arc<Signal>>,
}

/// What [`Node::finish`] found.
#[must_use]
pub(super) enum Finish {
    /// The caller has ended the node, and must see to what it leaves.
    First(Left),
    /// It has ended already.
    Late,
    /// Its time is up: let it expire.
    Due,
}

/// Who calls [`Node::finish`].
#[derive(PartialEq)]
pub(super) enum By {
    /// Its handle, now; unless its time is up.
    Handle,
    /// The clock, or an ancestor, when the end says.
    Other,
}

impl Done for Node {
    fn signal(&self) -> &Signal {
        &self.signal
    }
}

impl Node {
    /// Makes a node that ends with `parent`, or by the clock at `deadline`, for which `late` is the cause.
    pub(super) fn new(parent: Option<&Arc<Self>>, deadline: u64, late: Option<Cause>) -> Arc<Self> {
        let inherited = parent.map_or(NEVER, |parent| parent.deadline());
        let node = Arc::new(Self {
            signal: Signal::new(deadline.min(inherited)),
            // Where the deadline is the parent's, the cause is too.
            late: late.filter(|_| deadline < inherited),
            parent: parent.cloned(),
            slot: AtomicUsize::new(NONE),
            state: Spin::new(State {
                end: None,
                children: Slab::new(),
                actions: Slab::new(),
                watch: None,
            }),
        });
        // What is derived from an ended node ends with it, also if its own deadline was before.
        if let Some(parent) = parent
            && let Some(end) = parent.look(End::clone).or_else(|| parent.attach(&node))
        {
            node.end(end, By::Other);
        }
        // Its time may be up already.
        node.err();
        node
    }

    /// When the clock ends it, in nanoseconds.
    pub(super) fn deadline(&self) -> u64 {
        self.signal.deadline()
    }

    /// Whether its time is up.
    fn is_due(&self) -> bool {
        self.deadline() < NEVER && now() >= self.deadline()
    }

    /// Whether the deadline is its own, and not an ancestor's.
    fn has_own_deadline(&self) -> bool {
        let inherited = self.parent.as_ref().map_or(NEVER, |it| it.deadline());
        self.deadline() < inherited
    }

    /// The error it has ended with; `None` while it is open. Takes no lock unless it expires now.
    pub(super) fn err(&self) -> Option<ContextError> {
        let known = error(self.signal.closed());
        if known.is_some() || !self.is_due() {
            return known;
        }
        self.expire();
        error(self.signal.closed())
    }

    /// How it has ended, as `read` sees it under the lock; `None` while it is open.
    pub(super) fn look<R>(&self, read: impl FnOnce(&End) -> R) -> Option<R> {
        self.err()?;
        self.state.lock().end.as_ref().map(read)
    }

    /// Cancels it, unless it has ended.
    pub(super) fn cancel(&self, cause: Option<Cause>) {
        // Its first use waits for a lock, which must not be under ours.
        clock::init();
        let end = End {
            err: ContextError::Canceled,
            at: 0,
            cause,
        };
        if !self.end(end, By::Handle) {
            self.expire();
        }
    }

    /// Ends it and the rest of those that the same deadline ends: its time is up.
    #[cold]
    fn expire(&self) {
        // The second time at most, an ancestor with this deadline has ended: its finisher may still be on the way down.
        while self.signal.closed() == 0 {
            let (owner, above) = self.climb();
            match above {
                Some(end) if end.at < self.deadline() || !owner.has_own_deadline() => {
                    self.end(end, By::Other);
                }
                _ => {
                    owner.end(owner.exceeded(), By::Other);
                }
            }
        }
    }

    /// The highest of the open nodes from here up that have this node's deadline; and how the nearest ended ancestor has
    /// ended, if there is one.
    fn climb(&self) -> (&Self, Option<End>) {
        let (mut owner, mut at) = (self, self);
        while let Some(parent) = &at.parent {
            let end = parent.state.lock().end.clone();
            if end.is_some() {
                return (owner, end);
            }
            at = parent;
            if at.deadline() == self.deadline() {
                owner = at;
            }
        }
        (owner, None)
    }

    /// The end of a node whose own deadline has passed.
    fn exceeded(&self) -> End {
        End {
            err: ContextError::DeadlineExceeded,
            at: self.deadline(),
            cause: self.late.clone(),
        }
    }

    /// Its end, given its parent's.
    pub(super) fn follow(&self, parent: &End) -> End {
        if self.deadline() <= parent.at && self.has_own_deadline() {
            self.exceeded()
        } else {
            parent.clone()
        }
    }

    /// Ends this node and all below it, unless it has ended. False if its time is up: then nothing has happened.
    fn end(&self, end: End, by: By) -> bool {
        let left = match self.finish(end, by) {
            Finish::First(left) => left,
            Finish::Late => return true,
            Finish::Due => return false,
        };
        self.detach();
        left.see_to();
        true
    }

    /// The one transition: from open to ended. Wakes those who wait.
    pub(super) fn finish(&self, mut end: End, by: By) -> Finish {
        let mut state = self.state.lock();
        if state.end.is_some() {
            drop(state);
            return Finish::Late;
        }
        if by == By::Handle && (self.deadline() < NEVER || !state.children.is_empty()) {
            end.at = now();
            if self.deadline() <= end.at {
                drop(state);
                return Finish::Due;
            }
        }
        state.end = Some(end.clone());
        let left = Left {
            children: state.children.take(),
            actions: state.actions.take(),
            end,
        };
        let watch = state.watch.take();
        self.signal.close(number(left.end.err));
        drop(state);
        self.signal.wake();
        unwatch(watch);
        Finish::First(left)
    }

    /// Puts `child` among the children; how this node has ended, if it has.
    fn attach(&self, child: &Arc<Self>) -> Option<End> {
        let note = |index| child.slot.store(index, Ordering::Relaxed);
        self.insert(Arc::downgrade(child), |state| &mut state.children, note)
            .err()
            .map(|(_, end)| end)
    }

    /// Leaves the parent, unless that has been done or the parent has ended.
    fn detach(&self) {
        let Some(parent) = &self.parent else {
            return;
        };
        let mut state = parent.state.lock();
        let slot = self.slot.load(Ordering::Relaxed);
        if slot == NONE || state.end.is_some() {
            return;
        }
        self.slot.store(NONE, Ordering::Relaxed);
        let removed = state.children.remove(slot);
        drop(state);
        drop(removed);
    }

    /// Adds what is to be done at the end; its number.
    ///
    /// # Errors
    ///
    /// The action itself, if the node has ended.
    pub(super) fn add(&self, action: Action) -> Result<usize, Action> {
        let mut number = NONE;
        self.insert(action, |state| &mut state.actions, |index| number = index)
            .map(|()| number)
            .map_err(|(action, _)| action)
    }

    /// Takes the action with that number out, which is in unless the node has ended.
    pub(super) fn remove(&self, number: usize) -> Option<Action> {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return None;
        }
        let removed = state.actions.remove(number);
        let unwatched = state.actions.is_empty();
        let watch = state.watch.take_if(|_| unwatched);
        drop(state);
        unwatch(watch);
        Some(removed.value)
    }

    fn insert<T>(
        &self,
        mut value: T,
        pick: fn(&mut State) -> &mut Slab<T>,
        mut note: impl FnMut(usize),
    ) -> Result<(), (T, End)> {
        let mut room = None;
        loop {
            let mut state = self.state.lock();
            if let Some(end) = &state.end {
                return Err((value, end.clone()));
            }
            let slab = pick(&mut state);
            match slab.insert(value, &mut room) {
                Ok(index) => {
                    note(index);
                    return Ok(());
                }
                Err(back) => value = back,
            }
            let wanted = slab.wanted();
            drop(state);
            room = Some(Chunk::new(wanted));
        }
    }

    /// Whether somebody must act at the deadline and nobody does: then the caller starts a goroutine for
    /// [`watch`](Self::watch), with this.
    pub(super) fn begin_watch(&self) -> Option<Arc<Signal>> {
        if self.deadline() == NEVER {
            return None;
        }
        let watch = Arc::new(Signal::new(NEVER));
        let offered = Some(watch.clone());
        let mut state = self.state.lock();
        if state.actions.is_empty() || state.watch.is_some() {
            drop(state);
            return None;
        }
        state.watch = offered;
        Some(watch)
    }

    /// Says that the goroutine for `watch` could not be started.
    pub(super) fn end_watch(&self, watch: &Arc<Signal>) {
        let mut state = self.state.lock();
        let watch = state.watch.take_if(|there| Arc::ptr_eq(there, watch));
        drop(state);
        drop(watch);
    }

    /// Acts at the deadline, unless `watch` is closed before.
    pub(super) fn watch(&self, watch: &Signal, at: &'static Location<'static>) {
        if !watch.wait(self.deadline(), at) {
            self.err();
        }
    }

    /// Leaves the parent for good, with what is still to be done at the end; the parent.
    fn leave(&mut self) -> Option<Arc<Self>> {
        self.detach();
        let parent = self.parent.take()?;
        let actions = self.state.lock().actions.take();
        if !actions.is_empty() {
            let late = actions
                .into_values()
                .filter_map(|action| parent.add(action).err());
            run(late.collect());
        }
        Some(parent)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut parent = self.leave();
        // Each that is dropped here has left its parent before, so that its own `drop` finds nothing to do.
        while let Some(mut last) = parent.and_then(Arc::into_inner) {
            parent = last.leave();
        }
    }
}

/// Ends a watcher, if there was one; it was taken out of its node under the lock.
fn unwatch(watch: Option<Arc<Signal>>) {
    if let Some(watch) = watch {
        watch.close(WATCHED);
        watch.wake();
    }
}

/// How a watcher's signal is closed.
const WATCHED: u8 = 1;

/// The error as a signal's number.
fn number(err: ContextError) -> u8 {
    match err {
        ContextError::Canceled => 1,
        ContextError::DeadlineExceeded => 2,
    }
}

/// The reverse; `None` for 0, an open signal.
fn error(number: u8) -> Option<ContextError> {
    match number {
        0 => None,
        1 => Some(ContextError::Canceled),
        _ => Some(ContextError::DeadlineExceeded),
    }
}

#[cfg(all(test, loom))]
impl Node {
    /// Whether the node knows no child any more.
    pub(super) fn has_no_children(&self) -> bool {
        self.state.lock().children.is_empty()
    }
}
