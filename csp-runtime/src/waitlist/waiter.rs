//! A waiting task's place in the list of what it waits for.
//!
//! The list is doubly linked, because a select that was won elsewhere leaves from the middle, and
//! intrusive: waiting allocates nothing.
#![expect(unsafe_code, reason = "lists of nodes on other tasks' stacks")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::Task;
use crate::protocol::ticket::Wait;

/// How a wait ended; written by whoever ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Not yet.
    Pending,
    /// The value was handed over: written to the receiver's place, or taken from the sender's.
    Done,
    /// The channel was closed, or the last peer went away.
    Closed,
    /// The peer who had promised a value withdrew: start over, at the front of the queue.
    Withdrawn,
    /// For a sender without a value yet: room in the buffer is reserved for it.
    Granted,
    /// For a sender without a value yet: `peer` waits for it.
    Promised,
    /// For a sender without a value yet: a future expects it, and the channel keeps count. For that future: it is
    /// in the list of those who expect a value.
    Expected,
}

/// A node on the stack of the waiting task.
pub(crate) struct Waiter {
    /// Links; under the list's lock, or the waker's own once the waiter has left the list.
    pub(crate) next: Cell<*const Waiter>,
    prev: Cell<*const Waiter>,
    /// Whether it is in a list; under the list's lock.
    queued: Cell<bool>,
    /// Who waits; constant while it waits.
    task: Cell<Option<Task>>,
    /// The wait whose ticket must be won, or `None` if leaving the list decides.
    contest: Cell<Option<Wait>>,
    /// What the ticket says if this waiter wins.
    arm: Cell<u16>,
    /// Where a receiver wants the value, or a sender keeps it; null for a sender that makes its
    /// value only when it is chosen.
    place: Cell<*mut ()>,
    /// Written by the waker before it readies the task, read by the task afterwards.
    outcome: Cell<Outcome>,
    /// With `Outcome::Promised`: the receiver that waits.
    peer: Cell<*const Waiter>,
}

impl Waiter {
    /// A waiter that is in no list.
    pub(crate) const fn new() -> Self {
        Self {
            next: Cell::new(ptr::null()),
            prev: Cell::new(ptr::null()),
            queued: Cell::new(false),
            task: Cell::new(None),
            contest: Cell::new(None),
            arm: Cell::new(0),
            place: Cell::new(ptr::null_mut()),
            outcome: Cell::new(Outcome::Pending),
            peer: Cell::new(ptr::null()),
        }
    }

    /// Sets the waiter up for a wait of `task`, which may be a contested one.
    #[inline]
    pub(crate) fn prepare(&self, task: Task, contest: Option<Wait>, arm: u16, place: *mut ()) {
        self.task.set(Some(task));
        self.contest.set(contest);
        self.arm.set(arm);
        self.place.set(place);
        self.outcome.set(Outcome::Pending);
    }

    /// Who waits.
    #[inline]
    pub(crate) fn task(&self) -> Task {
        self.task.get().expect("a waiter in a list is prepared")
    }

    /// Where the value goes to or comes from; null for a sender without one.
    #[inline]
    pub(crate) fn place(&self) -> *mut () {
        self.place.get()
    }

    /// How the wait ended.
    #[inline]
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get()
    }

    /// Ends the wait; the caller readies the task next.
    #[inline]
    pub(crate) fn set_outcome(&self, outcome: Outcome) {
        self.outcome.set(outcome);
    }

    /// Tells a sender without a value which receiver waits for it.
    pub(crate) fn promise(&self, receiver: &Waiter) {
        self.peer.set(receiver);
        self.outcome.set(Outcome::Promised);
    }

    /// The receiver of a promise.
    pub(crate) fn peer(&self) -> NonNull<Waiter> {
        NonNull::new(self.peer.get().cast_mut()).expect("a promise names its receiver")
    }

    /// Whether it is in a list; under the list's lock.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }

    fn claim(&self) -> bool {
        match self.contest.get() {
            None => true,
            Some(wait) => self.task().ticket().claim(wait, self.arm.get()),
        }
    }
}

/// The tasks that wait for one thing, first come first served. Lives under the lock of that thing.
pub(crate) struct WaitList {
    head: *const Waiter,
    tail: *const Waiter,
}

// SAFETY: the list is used under its owner's lock, and its waiters stay valid until they are
// unlinked under that same lock (see the module docs of `waitlist`).
unsafe impl Send for WaitList {}

impl WaitList {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    /// Whether nobody is in it. Whose wait has timed out counts until it unlinks itself.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Links a waiter behind all others, or in front if it has been at the front before.
    pub(crate) fn push(&mut self, waiter: &Waiter, front: bool) {
        debug_assert!(!waiter.queued.get());
        waiter.queued.set(true);
        let at: *const Waiter = waiter;
        let (prev, next) = if front {
            (ptr::null(), self.head)
        } else {
            (self.tail, ptr::null())
        };
        waiter.prev.set(prev);
        waiter.next.set(next);
        self.set_next(prev, at);
        self.set_prev(next, at);
    }

    /// Unlinks a waiter if it is still in the list.
    pub(crate) fn remove(&mut self, waiter: &Waiter) {
        if waiter.queued.replace(false) {
            self.set_next(waiter.prev.get(), waiter.next.get());
            self.set_prev(waiter.next.get(), waiter.prev.get());
        }
    }

    /// Unlinks the first waiter that can be won, and wins it; those that others have won are
    /// dropped from the list on the way. The task of the waiter returned stays parked until the
    /// caller readies it.
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<&'static Waiter> {
        self.claim_if(|_| true)
    }

    /// As `claim`, but only if the first waiter is won by leaving the list.
    #[inline]
    pub(crate) fn claim_uncontested(&mut self) -> Option<&'static Waiter> {
        if self.head.is_null() {
            return None;
        }
        // SAFETY: as in `claim_if`.
        let waiter: &'static Waiter = unsafe { &*self.head };
        if waiter.contest.get().is_some() {
            return None;
        }
        self.unlink_first(waiter);
        Some(waiter)
    }

    /// The place of the first waiter, which there is; null if that makes its value only when it is chosen.
    #[inline]
    pub(crate) fn first_place(&self) -> *mut () {
        debug_assert!(!self.is_empty());
        // SAFETY: as in `claim_if`; the caller has looked whether there is one.
        unsafe { &*self.head }.place()
    }

    #[inline]
    fn unlink_first(&mut self, waiter: &Waiter) {
        self.head = waiter.next.get();
        self.set_prev(self.head, ptr::null());
        waiter.queued.set(false);
    }

    /// As `claim`, but stops at a first waiter that does not fit, won by others or not.
    #[inline]
    pub(crate) fn claim_if(&mut self, fits: impl Fn(&Waiter) -> bool) -> Option<&'static Waiter> {
        while !self.head.is_null() {
            // SAFETY: a waiter in the list is alive; once claimed, its task stays parked, and so
            // its frame stays, until the claimer readies it. `'static` stands for that span.
            let waiter: &'static Waiter = unsafe { &*self.head };
            if !fits(waiter) {
                return None;
            }
            self.unlink_first(waiter);
            if waiter.claim() {
                return Some(waiter);
            }
        }
        None
    }

    fn set_next(&mut self, of: *const Waiter, to: *const Waiter) {
        if of.is_null() {
            self.head = to;
        } else {
            // SAFETY: a neighbour in the list is alive, and we hold the lock.
            unsafe { (*of).next.set(to) };
        }
    }

    #[inline]
    fn set_prev(&mut self, of: *const Waiter, to: *const Waiter) {
        if of.is_null() {
            self.tail = to;
        } else {
            // SAFETY: a neighbour in the list is alive, and we hold the lock.
            unsafe { (*of).prev.set(to) };
        }
    }
}
