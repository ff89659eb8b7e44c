//! A channel: the state behind its lock, and the operations that wait.
//!
//! Every operation takes the lock once, does one transition of [`State`], releases it, and only then
//! makes a peer ready or parks. A task that has to wait links a waiter on its own stack before it
//! releases the lock; its value, or the place for one, lies on the stack too.
#![expect(
    unsafe_code,
    reason = "a lock around the state, values on waiting stacks"
)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::buffer::Buffer;
use super::state::{Received, Sent, State};
use crate::goroutine::Reason;
use crate::primitive::clock::NEVER;
use crate::primitive::section::{self, Inside};
use crate::primitive::spin::RawSpin;
use crate::primitive::sync::SharedCell;
use crate::protocol::ticket::Wait;
use crate::sched;
use crate::wait::{Outcome, Task, Waiter};

/// The shared part of a channel.
pub(crate) struct Core<T> {
    /// Protects `state`; select takes it together with those of other channels.
    lock: RawSpin,
    state: SharedCell<State<T>>,
}

// SAFETY: `state` is reached through `lock` only, and values of type `T` move between threads.
unsafe impl<T: Send> Sync for Core<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Core<T> {}

/// Access to the state.
pub(super) struct Locked<'a, T>(&'a Core<T>, section::Here);

impl<T> Deref for Locked<'_, T> {
    type Target = State<T>;

    #[inline]
    fn deref(&self) -> &State<T> {
        // SAFETY: the lock is held.
        unsafe { &*self.0.state.exclusive() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<T> {
        // SAFETY: the lock is held, and `self` is borrowed exclusively.
        unsafe { &mut *self.0.state.exclusive() }
    }
}

impl<T> Drop for Locked<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `Core::lock` took it.
        unsafe { self.0.lock.unlock() };
        section::leave_here(&self.1);
    }
}

impl<T> Locked<'_, T> {
    /// Unlocks, and goes on with the section: for what must follow before the goroutine may be preempted.
    #[inline]
    fn unlock(self) -> Inside {
        let this = ManuallyDrop::new(self);
        // SAFETY: `Core::lock` took it, and the guard is used up here.
        unsafe { this.0.lock.unlock() };
        section::adopt()
    }
}

/// Why a timed or interrupted send did not happen; the value comes back.
pub(super) enum Unsent<T> {
    Closed(T),
    Timeout(T),
}

/// A wait timed out.
pub(super) struct TimedOut;

impl<T> Core<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            lock: RawSpin::new(),
            state: SharedCell::new(State::new(capacity)),
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, T> {
        let here = section::begin_here();
        self.lock.lock();
        Locked(self, here)
    }

    /// The lock itself, for select.
    pub(super) fn raw_lock(&self) -> &RawSpin {
        &self.lock
    }

    /// The state, for select, which holds the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock and no other reference to the state.
    #[expect(clippy::mut_from_ref, reason = "the lock makes it exclusive")]
    pub(super) unsafe fn state(&self) -> &mut State<T> {
        // SAFETY: exclusive by the caller's promise.
        unsafe { &mut *self.state.exclusive() }
    }

    /// Makes the ring larger, without holding the lock while memory is allocated.
    #[cold]
    pub(super) fn grow(&self) {
        let limit = self.lock().capacity();
        self.grow_to(limit);
    }

    /// As [`grow`](Self::grow), if need be beyond the capacity: for a value whose sender has gone on.
    #[cold]
    pub(super) fn grow_beyond(&self) {
        self.grow_to(usize::MAX);
    }

    fn grow_to(&self, limit: usize) {
        let slots = self.lock().slots();
        let mut larger = Buffer::larger(slots, limit);
        self.lock().adopt(&mut larger);
    }

    /// Sends, waiting until `deadline` for room or a receiver.
    #[inline]
    pub(super) fn send(
        &self,
        mut value: T,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> Result<(), Unsent<T>> {
        Task::warm_up();
        sched::checkpoint();
        let mut front = false;
        loop {
            let mut state = self.lock();
            match state.send(value) {
                Sent::Done(peer) => {
                    let _inside = state.unlock();
                    if let Some(peer) = peer {
                        peer.ready();
                    }
                    return Ok(());
                }
                Sent::Closed(back) => return Err(Unsent::Closed(back)),
                Sent::Grow(back) => {
                    drop(state);
                    value = back;
                    self.grow();
                }
                Sent::Full(back) => match self.wait_to_send(state, back, deadline, front, at) {
                    Ok(()) => return Ok(()),
                    Err(Again::End(error)) => return Err(error),
                    Err(Again::Retry(back)) => {
                        value = back;
                        front = true;
                    }
                },
            }
        }
    }

    fn wait_to_send(
        &self,
        mut state: Locked<'_, T>,
        value: T,
        deadline: u64,
        front: bool,
        at: &'static Location<'static>,
    ) -> Result<(), Again<Unsent<T>, T>> {
        let task = Task::current();
        let contest = contest(task, deadline);
        let mut value = ManuallyDrop::new(value);
        let waiter = Waiter::new();
        waiter.prepare(task, contest, 0, (&raw mut value).cast());
        state.senders.push(&waiter, front);
        let inside = state.unlock();
        let timed_out = wait(task, contest, deadline, Reason::ChanSend, at);
        drop(inside);
        if timed_out {
            self.lock().senders.remove(&waiter);
        }
        if !timed_out && waiter.outcome() == Outcome::Done {
            return Ok(());
        }
        // SAFETY: nobody took the value: the outcome is not `Done`, and the waiter is unlinked.
        let value = unsafe { ManuallyDrop::take(&mut value) };
        if timed_out {
            return Err(Again::End(Unsent::Timeout(value)));
        }
        match waiter.outcome() {
            Outcome::Closed => Err(Again::End(Unsent::Closed(value))),
            _ => Err(Again::Retry(value)),
        }
    }

    /// Receives, waiting until `deadline` for a value; `None` once closed and drained.
    #[inline]
    pub(super) fn recv(
        &self,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> Result<Option<T>, TimedOut> {
        Task::warm_up();
        sched::checkpoint();
        let mut front = false;
        loop {
            let mut state = self.lock();
            let waited = match state.recv() {
                Received::Got(value, peer) => {
                    let _inside = state.unlock();
                    if let Some(peer) = peer {
                        peer.ready();
                    }
                    return Ok(Some(value));
                }
                Received::Closed => return Ok(None),
                Received::Peer(sender) => Self::wait_for_peer(state, sender, at),
                Received::Empty => self.wait_to_recv(state, deadline, front, at),
            };
            match waited {
                Ok(value) => return Ok(Some(value)),
                Err(Again::End(Ended::Closed)) => return Ok(None),
                Err(Again::End(Ended::TimedOut)) => return Err(TimedOut),
                Err(Again::Retry(())) => front = true,
            }
        }
    }

    /// Receives if a value is there, or if a parked sender makes one when asked.
    pub(super) fn try_recv(&self, at: &'static Location<'static>) -> Result<T, Ended> {
        Task::warm_up();
        loop {
            let mut state = self.lock();
            match state.recv() {
                Received::Got(value, peer) => {
                    let _inside = state.unlock();
                    if let Some(peer) = peer {
                        peer.ready();
                    }
                    return Ok(value);
                }
                Received::Closed => return Err(Ended::Closed),
                Received::Empty => return Err(Ended::TimedOut),
                Received::Peer(sender) => match Self::wait_for_peer(state, sender, at) {
                    Ok(value) => return Ok(value),
                    Err(Again::End(ended)) => return Err(ended),
                    Err(Again::Retry(())) => {}
                },
            }
        }
    }

    fn wait_to_recv(
        &self,
        mut state: Locked<'_, T>,
        deadline: u64,
        front: bool,
        at: &'static Location<'static>,
    ) -> Result<T, Again<Ended, ()>> {
        let task = Task::current();
        let contest = contest(task, deadline);
        let mut place = MaybeUninit::<T>::uninit();
        let waiter = Waiter::new();
        waiter.prepare(task, contest, 0, (&raw mut place).cast());
        state.receivers.push(&waiter, front);
        let inside = state.unlock();
        let timed_out = wait(task, contest, deadline, Reason::ChanReceive, at);
        drop(inside);
        if timed_out {
            self.lock().receivers.remove(&waiter);
            return Err(Again::End(Ended::TimedOut));
        }
        received(&waiter, &place)
    }

    /// Promises a won sender without a value to wait for it, and waits.
    #[cold]
    fn wait_for_peer(
        state: Locked<'_, T>,
        sender: &'static Waiter,
        at: &'static Location<'static>,
    ) -> Result<T, Again<Ended, ()>> {
        let task = Task::current();
        let mut place = MaybeUninit::<T>::uninit();
        let waiter = Waiter::new();
        waiter.prepare(task, None, 0, (&raw mut place).cast());
        let peer = sender.task();
        sender.promise(&waiter);
        let _inside = state.unlock();
        peer.ready();
        task.park(Reason::ChanReceive, at);
        received(&waiter, &place)
    }
}

/// How a wait came back without success: for good, or to be tried again.
enum Again<E, R> {
    End(E),
    Retry(R),
}

/// Why there is no value.
pub(super) enum Ended {
    Closed,
    TimedOut,
}

/// Opens the task's ticket if the wait has a deadline, so that the clock can compete for it.
#[inline]
fn contest(task: Task, deadline: u64) -> Option<Wait> {
    (deadline < NEVER).then(|| task.ticket().open())
}

/// Parks. True if the deadline won.
#[inline]
fn wait(
    task: Task,
    contest: Option<Wait>,
    deadline: u64,
    reason: Reason,
    at: &'static Location<'static>,
) -> bool {
    match contest {
        None => {
            task.park(reason, at);
            false
        }
        Some(wait) => {
            let timed_out = task.park_until(wait, deadline, reason, at);
            task.ticket().close(wait);
            timed_out
        }
    }
}

#[inline]
fn received<T>(waiter: &Waiter, place: &MaybeUninit<T>) -> Result<T, Again<Ended, ()>> {
    match waiter.outcome() {
        // SAFETY: `Done` says that a sender wrote the value to our place; it is read once.
        Outcome::Done => Ok(unsafe { place.assume_init_read() }),
        Outcome::Closed => Err(Again::End(Ended::Closed)),
        _ => Err(Again::Retry(())),
    }
}
