//! A future's turn at a channel: a receive or a send that does not park.
//!
//! The waiter, and the value or the place for one, lie in the future. The states of a receive:
//!
//! | waiter | outcome | the future | when it is dropped |
//! |---|---|---|---|
//! | in no list, `waits` unset | — | has not looked yet | nothing |
//! | in `receivers` | `Pending` | waits | leaves the list |
//! | in `expecting` | `Expected` | a select is making its value | leaves the list; the value goes to whoever is next |
//! | in no list | `Done` | has the value in its place | gives it back, see `State::give_back` |
//! | in no list | `Closed` | will end | nothing |
//! | in no list | `Withdrawn` | starts over, at the front | nothing |
//!
//! and of a send, whose value a receiver takes under the lock:
//!
//! | waiter | outcome | the future | when it is dropped |
//! |---|---|---|---|
//! | in `senders` | `Pending` | waits | leaves the list, the value is dropped |
//! | in no list | `Done` | has sent | nothing |
//! | in no list | `Closed` | has its value still | the value is dropped |
//!
//! All of them change under the channel's lock. So once a future has left the list under the lock, or found itself in
//! none, nobody knows it: it may go away. Whoever ended its wait keeps the task only, which lives for ever.
//!
//! A value that is given back has been sent: its sender has gone on, also where the channel has no buffer. It is the
//! oldest one and goes to the front, beyond the capacity if need be. If the channel was closed and drained meanwhile,
//! other receivers may have been told so already, and the value is there for those who ask again. (To make them wait
//! until the future is polled or dropped would let a forgotten future hold them up for ever.)
//!
//! Rejected: waking the first future and leaving the value in the buffer, as other libraries do; a receiver that
//! comes by would take it, and the order in which receivers came would mean nothing.
#![expect(unsafe_code, reason = "values move through the futures' places")]

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::pin::Pin;

use super::core::Core;
use super::error::SendError;
use super::state::{Received, Sent};
use crate::wait::{FutureTask, Outcome, Task, Waiter};

/// A receive of a future.
pub(crate) struct Receiving<'a, T> {
    core: &'a Core<T>,
    waiter: Waiter,
    /// Where the value arrives: initialised while the outcome is `Done` and `waits` is set.
    place: UnsafeCell<MaybeUninit<T>>,
    /// The waiter has been prepared, and what it came to has not been used.
    waits: Cell<bool>,
    /// Others write to `waiter` and `place` while the future is polled by `&mut`: it must not be taken for unaliased.
    _shared: PhantomPinned,
}

/// A send of a future.
pub(crate) struct Sending<'a, T> {
    core: &'a Core<T>,
    waiter: Waiter,
    /// The value: ours unless the outcome is `Done` while `waits` is set.
    value: UnsafeCell<MaybeUninit<T>>,
    /// As in [`Receiving`].
    waits: Cell<bool>,
    /// The value has been sent or given back.
    spent: Cell<bool>,
    /// As in [`Receiving`].
    _shared: PhantomPinned,
}

// SAFETY: others reach waiter and place under the channel's lock only, and only while the waiter is in a list; a `T`
// moves between threads.
unsafe impl<T: Send> Send for Receiving<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Sending<'_, T> {}

impl<'a, T> Receiving<'a, T> {
    pub(super) fn new(core: &'a Core<T>) -> Self {
        Self {
            core,
            waiter: Waiter::new(),
            place: UnsafeCell::new(MaybeUninit::uninit()),
            waits: Cell::new(false),
            _shared: PhantomPinned,
        }
    }

    /// Whether a poll will probably end without waiting, so that nobody need be told whom to wake.
    pub(crate) fn is_likely(&self) -> bool {
        let state = self.core.lock();
        state.len() != 0 || state.is_closed()
    }

    /// Receives if that is possible now, or waits in the name of `task`. The inner `None` means closed and drained.
    pub(crate) fn poll(self: Pin<&Self>, task: &'static FutureTask) -> Option<Option<T>> {
        let mut front = false;
        if self.waits.get() {
            let queued = {
                let _state = self.core.lock();
                self.waiter.is_queued()
            };
            if queued {
                return None;
            }
            self.waits.set(false);
            match self.waiter.outcome() {
                // SAFETY: `Done` says that the place is initialised; `waits` says that it was not used.
                Outcome::Done => return Some(Some(unsafe { self.take() })),
                Outcome::Closed => return Some(None),
                _ => front = true,
            }
        }
        let mut state = self.core.lock();
        match state.recv() {
            Received::Got(value, peer) => {
                drop(state);
                if let Some(peer) = peer {
                    peer.ready();
                }
                Some(Some(value))
            }
            Received::Closed => Some(None),
            Received::Empty => {
                self.prepare(task);
                state.receivers.push(&self.waiter, front);
                None
            }
            Received::Peer(sender) => {
                self.prepare(task);
                state.expect(&self.waiter);
                let peer = sender.task();
                sender.set_outcome(Outcome::Expected);
                drop(state);
                peer.ready();
                None
            }
        }
    }

    fn prepare(&self, task: &'static FutureTask) {
        self.waits.set(true);
        self.waiter
            .prepare(Task::Future(task), None, 0, self.place.get().cast());
    }

    /// # Safety
    ///
    /// The place is initialised, and this is the only use of the value.
    unsafe fn take(&self) -> T {
        // SAFETY: by the caller's promise; the waiter is in no list, so nobody else reaches the place.
        unsafe { (*self.place.get()).assume_init_read() }
    }
}

impl<T> Drop for Receiving<'_, T> {
    fn drop(&mut self) {
        if !self.waits.get() {
            return;
        }
        {
            let mut state = self.core.lock();
            if self.waiter.is_queued() {
                state.leave(&self.waiter);
                return;
            }
        }
        if self.waiter.outcome() != Outcome::Done {
            return;
        }
        // SAFETY: `Done` says that the place is initialised; `waits` says that it was not used.
        let mut value = unsafe { self.take() };
        loop {
            let sent = self.core.lock().give_back(value);
            match sent {
                Sent::Done(peer) => {
                    if let Some(peer) = peer {
                        peer.ready();
                    }
                    return;
                }
                Sent::Closed(back) | Sent::Full(back) | Sent::Grow(back) => {
                    value = back;
                    self.core.grow_beyond();
                }
            }
        }
    }
}

impl<'a, T> Sending<'a, T> {
    pub(super) fn new(core: &'a Core<T>, value: T) -> Self {
        Self {
            core,
            waiter: Waiter::new(),
            value: UnsafeCell::new(MaybeUninit::new(value)),
            waits: Cell::new(false),
            spent: Cell::new(false),
            _shared: PhantomPinned,
        }
    }

    /// Whether a poll will probably end without waiting, so that nobody need be told whom to wake.
    pub(crate) fn is_likely(&self) -> bool {
        let state = self.core.lock();
        state.len() < state.capacity() || state.is_closed()
    }

    /// Sends if that is possible now, or waits in the name of `task`.
    pub(crate) fn poll(
        self: Pin<&Self>,
        task: &'static FutureTask,
    ) -> Option<Result<(), SendError<T>>> {
        if self.waits.get() {
            let queued = {
                let _state = self.core.lock();
                self.waiter.is_queued()
            };
            if queued {
                return None;
            }
            self.waits.set(false);
            self.spent.set(true);
            if self.waiter.outcome() == Outcome::Done {
                return Some(Ok(()));
            }
            // SAFETY: nobody took the value: the outcome is not `Done`. `spent` says that it is gone now.
            return Some(Err(SendError(unsafe { self.take() })));
        }
        self.spent.set(true);
        // SAFETY: the value is ours while nothing waits. `spent` says that it is gone.
        let mut value = unsafe { self.take() };
        loop {
            let mut state = self.core.lock();
            match state.send(value) {
                Sent::Done(peer) => {
                    drop(state);
                    if let Some(peer) = peer {
                        peer.ready();
                    }
                    return Some(Ok(()));
                }
                Sent::Closed(back) => return Some(Err(SendError(back))),
                Sent::Grow(back) => {
                    drop(state);
                    value = back;
                    self.core.grow();
                }
                Sent::Full(back) => {
                    // SAFETY: the waiter is in no list, so nobody else reaches the value.
                    unsafe { (*self.value.get()).write(back) };
                    self.spent.set(false);
                    self.waits.set(true);
                    let place = self.value.get().cast();
                    self.waiter.prepare(Task::Future(task), None, 0, place);
                    state.senders.push(&self.waiter, false);
                    return None;
                }
            }
        }
    }

    /// # Safety
    ///
    /// The value is ours, and this is the only use of it.
    unsafe fn take(&self) -> T {
        // SAFETY: by the caller's promise; the waiter is in no list, so nobody else reaches the value.
        unsafe { (*self.value.get()).assume_init_read() }
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if self.waits.get() {
            let mut state = self.core.lock();
            state.senders.remove(&self.waiter);
            if self.waiter.outcome() == Outcome::Done {
                return;
            }
        }
        if !self.spent.get() {
            // SAFETY: not sent, and not given back.
            drop(unsafe { self.take() });
        }
    }
}
