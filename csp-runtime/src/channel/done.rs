//! A channel that nothing is ever sent on, and that is closed once: what `done()` of a context receives from.
//!
//! It is closed by a call, which says with a number how, or by the clock at its deadline. As with alarms no timer runs for it: whoever receives
//! looks at the clock, and if it is too early waits with that deadline.
//!
//! ```text
//!            close(how)              Open, now < deadline:   receive waits
//!   Open ─────────────► Closed       Open, now ≥ deadline:   receive finds "closed", as in
//!                                    Closed:                 receive finds "closed"
//! ```
//!
//! The word that says so changes once, under the lock, and may be read without it: who finds 0 and wants to wait looks again
//! under the lock. Since nobody queues once it is closed, those who wait are woken afterwards, some at a time
//! ([`Signal::wake`]): a lock that is held while a hundred thousand are woken stops others for tens of milliseconds.
//!
//! What a receiver has once found closed stays closed, because the clock does not go back.
//!
//! Receivers hold a [`Done`], the owner of the signal, and not the signal alone: somebody who does nothing but wait keeps
//! alive whatever will close it. So the signal is a field of its owner, and a receiver costs no allocation.
#![expect(unsafe_code, reason = "state behind a lock that select takes too")]

use std::panic::Location;
use std::sync::Arc;

use crate::goroutine::Reason;
use crate::primitive::biased::Biased;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::section;
use crate::primitive::sync::{AtomicU8, Ordering, SharedCell};
use crate::sched::{self, current};
use crate::wait::{Outcome, Task, WaitList, Waiter, Wakes};

/// Something that will be done, and says so by its signal.
pub(crate) trait Done: Send + Sync {
    /// The signal; always the same one.
    fn signal(&self) -> &Signal;
}

/// Not closed by a call.
const OPEN: u8 = 0;

/// How many are woken at a time.
const BATCH: usize = 64;

/// Closed once, by a call or by the clock.
pub(crate) struct Signal {
    /// When the clock closes it, in nanoseconds; `NEVER` if it does not. Constant.
    deadline: u64,
    /// How it was closed; 0 while it was not. Changes once, under `lock`. What the closer wrote before, whoever reads it
    /// here sees (Release and Acquire).
    closed: AtomicU8,
    /// Protects `state`; select takes it together with those of other channels.
    lock: Biased,
    state: SharedCell<State>,
}

/// The protected part.
pub(super) struct State {
    /// Nobody is added once it is closed.
    pub(super) waiters: WaitList,
}

// SAFETY: `state` is reached under `lock` only.
unsafe impl Sync for Signal {}
// SAFETY: as above; it belongs to no thread.
unsafe impl Send for Signal {}

impl Signal {
    /// A signal that the clock closes at `deadline`.
    pub(crate) fn new(deadline: u64) -> Self {
        Self {
            deadline,
            closed: AtomicU8::new(OPEN),
            lock: Biased::new(),
            state: SharedCell::new(State {
                waiters: WaitList::new(),
            }),
        }
    }

    /// When the clock closes it, in nanoseconds.
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline
    }

    /// Closes it, which has not been done before; `how` is not 0. [`wake`](Self::wake) is to be called when the caller holds no lock.
    pub(crate) fn close(&self, how: u8) {
        debug_assert_ne!(how, OPEN);
        // Release: pairs with the Acquire in `closed`. The lock keeps out those who are about to queue.
        self.with(|_| self.closed.store(how, Ordering::Release));
    }

    /// Wakes all who waited when it was closed, some at a time.
    pub(crate) fn wake(&self) {
        let mut more = true;
        while more {
            let mut wakes = Wakes::new();
            self.with(|state| {
                more = (0..BATCH).all(|_| {
                    let waiter = state.waiters.claim();
                    waiter.is_some_and(|waiter| {
                        waiter.set_outcome(Outcome::Closed);
                        wakes.push(waiter);
                        true
                    })
                });
            });
            wakes.ready();
        }
    }

    /// How it was closed; 0 if it was not, though the clock may have.
    pub(crate) fn closed(&self) -> u8 {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed() != OPEN || self.is_due()
    }

    /// Waits until it is closed, or until `until`. True if it is closed.
    pub(crate) fn wait(&self, until: u64, at: &'static Location<'static>) -> bool {
        Task::warm_up();
        sched::checkpoint();
        if self.is_closed() {
            return true;
        }
        let due = self.deadline.min(until);
        let _inside = section::enter();
        let task = Task::current();
        let waiter = Waiter::new();
        let contest = (due < NEVER).then(|| task.ticket().open());
        let closed = self.with(|state| {
            let closed = self.closed() != OPEN;
            if !closed {
                waiter.prepare(task, contest, 0, std::ptr::null_mut());
                state.waiters.push(&waiter, false);
            }
            closed
        });
        let timed_out = match contest {
            _ if closed => false,
            None => {
                task.park(Reason::ChanReceive, at);
                false
            }
            Some(wait) => task.park_until(wait, due, Reason::ChanReceive, at),
        };
        if timed_out {
            self.with(|state| state.waiters.remove(&waiter));
        }
        if let Some(wait) = contest {
            task.ticket().close(wait);
        }
        !timed_out || self.deadline <= until
    }

    /// Whether the clock has closed it.
    fn is_due(&self) -> bool {
        self.deadline < NEVER && clock::now() >= self.deadline
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
    pub(super) unsafe fn state(&self) -> &mut State {
        // SAFETY: exclusive by the caller's promise.
        unsafe { &mut *self.state.exclusive() }
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let inside = current::enter();
        let owner = inside.as_ref().map(current::Inside::owner);
        // By the word: `f` may take long, and nobody may wait for the P's flag meanwhile.
        self.lock.lock_word(owner);
        // SAFETY: the lock is held, and `f` does not come back here.
        let result = f(unsafe { &mut *self.state.exclusive() });
        // SAFETY: taken above; `f` does not unwind, it moves words around.
        unsafe { self.lock.unlock_word(owner) };
        result
    }
}

/// A future that waits for a signal. It looks at the clock itself, and somebody else wakes it at the deadline.
#[cfg(not(loom))]
pub(crate) struct Ending<'a> {
    signal: &'a Signal,
    waiter: Waiter,
    /// As in a receive arm: others write to `waiter` while the future is polled by `&mut`.
    _shared: std::marker::PhantomPinned,
}

// SAFETY: others reach the waiter under the signal's lock only.
#[cfg(not(loom))]
unsafe impl Send for Ending<'_> {}

#[cfg(not(loom))]
impl<'a> Ending<'a> {
    pub(super) fn new(signal: &'a Signal) -> Self {
        Self {
            signal,
            waiter: Waiter::new(),
            _shared: std::marker::PhantomPinned,
        }
    }

    /// `Ok` if it is closed; else waits in the name of `task`, and says until when the clock closes it.
    pub(crate) fn poll(
        self: std::pin::Pin<&Self>,
        task: &'static crate::wait::FutureTask,
    ) -> Result<(), u64> {
        if self.signal.is_closed() {
            return Ok(());
        }
        self.signal.with(|state| {
            if self.signal.closed() != OPEN {
                return Ok(());
            }
            if !self.waiter.is_queued() {
                self.waiter
                    .prepare(Task::Future(task), None, 0, std::ptr::null_mut());
                state.waiters.push(&self.waiter, false);
            }
            Err(self.signal.deadline)
        })
    }
}

#[cfg(not(loom))]
impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.signal.with(|state| state.waiters.remove(&self.waiter));
    }
}

/// Whether both are the same owner, whatever their vtables.
pub(super) fn same(a: &Arc<dyn Done>, b: &Arc<dyn Done>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
}
