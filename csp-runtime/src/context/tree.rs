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
//! No timer runs. A node's deadline is the earliest of its own and its ancestors', known when it is made. The signal
//! closes by the clock; whoever first asks such a node for its error finishes the ancestor that has set the deadline
//! ([`Node::expire`]), from where everything below follows. Hence: once `done` is ready, there is an error, and it never
//! changes. [`Node::cancel`] reads the clock under the lock, so that what is cancelled after its deadline has exceeded it.
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
//! | a child asks at the deadline, the finisher of the ancestor is on its way down | the child's own `finish` | the child ends itself with the ancestor's error |
//! | an action is added, the node ends | the node's lock | the finisher starts it, or `add` hands it back to be started |
//! | an action is removed, the node ends | the node's lock | it is removed, or started |
//!
//! A node that is dropped while it is open can only have ended with its parent (it has no handle, no deadline: a watcher
//! holds a node with both a deadline and actions). So its actions go over to its parent.
//!
//! Neither ending nor dropping recurs: a chain of contexts may be longer than a goroutine's stack is deep.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::{Arc, Weak};

use super::error::ContextError;
#[cfg(all(test, loom))]
use super::model::now;
use super::slab::{NONE, Slab, Slot};
use crate::channel::{Done, Signal};
use crate::primitive::clock::NEVER;
#[cfg(not(all(test, loom)))]
use crate::primitive::clock::now;
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
    /// `None` if it is the error itself.
    pub(super) cause: Option<Cause>,
}

/// A context that can be cancelled.
pub(super) struct Node {
    /// Closed when the node ends; its deadline is the node's.
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
enum Finish {
    /// The caller has ended the node, and must end these and do those.
    First(Slab<Weak<Node>>, Slab<Action>),
    /// It has ended already.
    Late,
    /// Its time is up: let it expire.
    Due,
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
        if let Some(parent) = parent
            && let Some(end) = parent.look(End::clone).or_else(|| parent.attach(&node))
        {
            node.end(&end, || false);
        }
        // Its time may be up already.
        node.look(|_| ());
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

    /// How it has ended, as `read` sees it under the lock; `None` while it is open.
    pub(super) fn look<R>(&self, read: impl Fn(&End) -> R) -> Option<R> {
        let end = self.state.lock().end.as_ref().map(&read);
        if end.is_some() || !self.is_due() {
            return end;
        }
        self.expire();
        self.state.lock().end.as_ref().map(read)
    }

    /// Cancels it, unless it has ended.
    pub(super) fn cancel(&self, cause: Option<Cause>) {
        let end = End {
            err: ContextError::Canceled,
            cause,
        };
        if !self.end(&end, || self.is_due()) {
            self.expire();
        }
    }

    /// Ends it and the rest of those that the same deadline ends: its time is up.
    #[cold]
    fn expire(&self) {
        let mut top = self;
        while let Some(parent) = &top.parent
            && parent.deadline() == self.deadline()
        {
            top = parent;
        }
        let end = End {
            err: ContextError::DeadlineExceeded,
            cause: top.late.clone(),
        };
        top.end(&end, || false);
        if !ptr::eq(top, self) {
            // Whoever has ended that one may still be on the way down to here.
            let end = top.state.lock().end.clone();
            self.end(&end.expect("it has just ended"), || false);
        }
    }

    /// Ends this node and all below it, unless it has ended. False if `is_due`, asked under the lock, says that its time
    /// is up: then nothing has happened.
    fn end(&self, end: &End, is_due: impl FnOnce() -> bool) -> bool {
        let (children, actions) = match self.finish(end, is_due) {
            Finish::First(children, actions) => (children, actions),
            Finish::Late => return true,
            Finish::Due => return false,
        };
        self.detach();
        let mut pending: Vec<_> = children.into_values().collect();
        let mut due: Vec<_> = actions.into_values().collect();
        while let Some(child) = pending.pop() {
            if let Some(child) = child.upgrade()
                && let Finish::First(children, actions) = child.finish(end, || false)
            {
                pending.extend(children.into_values());
                due.extend(actions.into_values());
            }
        }
        run(due);
        true
    }

    /// The one transition: from open to ended. Wakes those who wait.
    fn finish(&self, end: &End, is_due: impl FnOnce() -> bool) -> Finish {
        let end = Some(end.clone());
        let mut state = self.state.lock();
        if state.end.is_some() {
            drop(state);
            return Finish::Late;
        }
        if is_due() {
            drop(state);
            return Finish::Due;
        }
        state.end = end;
        let (children, actions) = (state.children.take(), state.actions.take());
        let watch = state.watch.take();
        let wakes = self.signal.close();
        drop(state);
        wakes.ready();
        if let Some(watch) = watch {
            watch.close().ready();
        }
        Finish::First(children, actions)
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
        if let Some(watch) = watch {
            watch.close().ready();
        }
        Some(removed.value)
    }

    fn insert<T>(
        &self,
        mut value: T,
        pick: fn(&mut State) -> &mut Slab<T>,
        mut note: impl FnMut(usize),
    ) -> Result<(), (T, End)> {
        let mut room: Vec<Slot<T>> = Vec::new();
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
            room = Vec::with_capacity(wanted);
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

    /// Acts at the deadline, unless `watch` is closed before.
    pub(super) fn watch(&self, watch: &Signal, at: &'static Location<'static>) {
        if !watch.wait(self.deadline(), at) {
            self.look(|_| ());
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

/// Does all of it, even if some of it panics; then the first panic goes on.
fn run(actions: Vec<Action>) {
    let mut panic: Option<Box<dyn Any + Send>> = None;
    for action in actions {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(action)) {
            panic.get_or_insert(payload);
        }
    }
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

#[cfg(all(test, loom))]
impl Node {
    /// Whether the node knows no child any more.
    pub(super) fn has_no_children(&self) -> bool {
        self.state.lock().children.is_empty()
    }
}
