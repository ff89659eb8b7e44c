//! A channel: the state behind its lock, and the operations that wait.
//!
//! Every operation takes the lock once, does one transition of [`State`], releases it, and only then
//! makes a peer ready or parks. A task that has to wait links a waiter on its own stack before it
//! releases the lock; its value, or the place for one, lies on the stack too.
#![expect(
    unsafe_code,
    reason = "a lock around the state, values on waiting stacks"
)]

use std::mem::{self, ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::buffer::Buffer;
use super::state::{Received, Sent, State};
use crate::goroutine::Reason;
use crate::primitive::biased::{Biased, Hold};
use crate::primitive::clock::NEVER;
use crate::primitive::section;
use crate::primitive::sync::SharedCell;
use crate::protocol::ticket::Wait;
use crate::sched::current;
use crate::wait::{Outcome, Task, Waiter};

/// The shared part of a channel. Lock and buffer come first and are one cache line, as `Shared` is aligned: all that two
/// processors send each other, beside the values, while nobody waits.
#[repr(C)]
pub(crate) struct Core<T> {
    /// Protects `state`; select takes it together with those of other channels. Often biased to one P.
    lock: Biased,
    state: SharedCell<State<T>>,
}

#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () = assert!(mem::size_of::<Biased>() <= 32 && State::<u8>::BUFFER_END <= 32);

// SAFETY: `state` is reached through `lock` only, and values of type `T` move between threads.
unsafe impl<T: Send> Sync for Core<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Core<T> {}

/// Access to the state.
pub(super) struct Locked<'a, T> {
    core: &'a Core<T>,
    /// The section of this hold; `None` on a plain thread.
    inside: Option<current::Inside>,
    hold: Hold,
}

impl<T> Deref for Locked<'_, T> {
    type Target = State<T>;

    #[inline]
    fn deref(&self) -> &State<T> {
        // SAFETY: the lock is held.
        unsafe { &*self.core.state.exclusive() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<T> {
        // SAFETY: the lock is held, and `self` is borrowed exclusively.
        unsafe { &mut *self.core.state.exclusive() }
    }
}

impl<T> Drop for Locked<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.release();
    }
}

impl<'a, T> Locked<'a, T> {
    #[inline(always)]
    fn new(core: &'a Core<T>, inside: Option<current::Inside>) -> Self {
        let hold = core.lock.lock(inside.as_ref().map(current::Inside::owner));
        Self { core, inside, hold }
    }

    /// To be called once.
    #[inline(always)]
    fn release(&self) {
        let owner = self.inside.as_ref().map(current::Inside::owner);
        // SAFETY: `new` took the lock, for the same P, which the section keeps; nobody comes here twice.
        unsafe { self.core.lock.unlock(owner, self.hold) };
    }

    /// Unlocks, and goes on with the section, which ends on this thread.
    #[inline(always)]
    fn unlock(self) -> Option<current::Inside> {
        let mut this = ManuallyDrop::new(self);
        this.release();
        this.inside.take()
    }

    /// Unlocks, and goes on with the section for the time of a wait, after which the goroutine may be on another thread.
    #[inline]
    fn unlock_to_wait(self) -> section::Inside {
        mem::forget(self.unlock());
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
            lock: Biased::new(),
            state: SharedCell::new(State::new(capacity)),
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, T> {
        Locked::new(self, current::enter())
    }

    /// As [`lock`](Self::lock), for what may take long: by the word, so that those who want other locks of this P need not wait.
    pub(super) fn lock_for_long(&self) -> Locked<'_, T> {
        let inside = current::enter();
        self.lock
            .lock_word(inside.as_ref().map(current::Inside::owner));
        Locked {
            core: self,
            inside,
            hold: Hold::Word,
        }
    }

    /// The lock itself, for select.
    pub(super) fn raw_lock(&self) -> &Biased {
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
        self.lock_for_long().adopt(&mut larger);
    }

    /// Sends, waiting until `deadline` for room or a receiver.
    #[inline]
    pub(super) fn send(
        &self,
        value: T,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> Result<(), Unsent<T>> {
        let mut state = Locked::new(self, Task::enter());
        match state.send_at_once(value) {
            Ok(peer) => {
                let inside = state.unlock();
                if let Some(peer) = peer {
                    peer.ready_by(inside.as_ref());
                }
                Ok(())
            }
            Err(value) => self.send_slow(state, value, deadline, at),
        }
    }

    /// As `send`, with the lock, where it takes more.
    ///
    /// Inlined, as all that waits: behind a switch every return is mispredicted, so the fewer frames the better.
    #[inline(always)]
    fn send_slow<'a>(
        &'a self,
        mut state: Locked<'a, T>,
        mut value: T,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> Result<(), Unsent<T>> {
        let mut front = false;
        loop {
            match state.send(value) {
                Sent::Done(peer) => {
                    let inside = state.unlock();
                    if let Some(peer) = peer {
                        peer.ready_by(inside.as_ref());
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
            state = Locked::new(self, Task::enter());
        }
    }

    #[inline(always)]
    fn wait_to_send(
        &self,
        mut state: Locked<'_, T>,
        value: T,
        deadline: u64,
        front: bool,
        at: &'static Location<'static>,
    ) -> Result<(), Again<Unsent<T>, T>> {
        let task = Task::current_by(state.inside.as_ref());
        let contest = contest(task, deadline);
        let mut value = ManuallyDrop::new(value);
        let waiter = Waiter::new();
        waiter.prepare(task, contest, 0, (&raw mut value).cast());
        state.senders.push(&waiter, front);
        let inside = state.unlock_to_wait();
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
        let mut state = Locked::new(self, Task::enter());
        match state.recv_at_once() {
            Some((value, peer)) => {
                let inside = state.unlock();
                if let Some(peer) = peer {
                    peer.ready_by(inside.as_ref());
                }
                Ok(Some(value))
            }
            None => self.recv_slow(state, deadline, at),
        }
    }

    /// As `recv`, with the lock, where it takes more. Inlined, as `send_slow`.
    #[inline(always)]
    fn recv_slow<'a>(
        &'a self,
        mut state: Locked<'a, T>,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> Result<Option<T>, TimedOut> {
        let mut front = false;
        loop {
            let waited = if state.is_idle() {
                self.wait_to_recv(state, deadline, front, at)
            } else {
                match state.recv() {
                    Received::Got(value, peer) => {
                        let inside = state.unlock();
                        if let Some(peer) = peer {
                            peer.ready_by(inside.as_ref());
                        }
                        return Ok(Some(value));
                    }
                    Received::Closed => return Ok(None),
                    Received::Peer(sender) => Self::wait_for_peer(state, sender, at),
                    Received::Empty => self.wait_to_recv(state, deadline, front, at),
                }
            };
            match waited {
                Ok(value) => return Ok(Some(value)),
                Err(Again::End(Ended::Closed)) => return Ok(None),
                Err(Again::End(Ended::TimedOut)) => return Err(TimedOut),
                Err(Again::Retry(())) => front = true,
            }
            state = Locked::new(self, Task::enter());
        }
    }

    /// Receives if a value is there, or if a parked sender makes one when asked.
    pub(super) fn try_recv(&self, at: &'static Location<'static>) -> Result<T, Ended> {
        Task::warm_up();
        loop {
            let mut state = self.lock();
            match state.recv() {
                Received::Got(value, peer) => {
                    let inside = state.unlock();
                    if let Some(peer) = peer {
                        peer.ready_by(inside.as_ref());
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

    #[inline(always)]
    fn wait_to_recv(
        &self,
        mut state: Locked<'_, T>,
        deadline: u64,
        front: bool,
        at: &'static Location<'static>,
    ) -> Result<T, Again<Ended, ()>> {
        let task = Task::current_by(state.inside.as_ref());
        let contest = contest(task, deadline);
        let mut place = MaybeUninit::<T>::uninit();
        let waiter = Waiter::new();
        waiter.prepare(task, contest, 0, (&raw mut place).cast());
        state.receivers.push(&waiter, front);
        let inside = state.unlock_to_wait();
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
        let _inside = state.unlock_to_wait();
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
