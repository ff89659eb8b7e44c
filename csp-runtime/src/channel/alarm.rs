//! Channels that the clock sends on: `after`, `Timer`, `Ticker`.
//!
//! No timer runs for them. An alarm only knows when it is next due; whoever receives looks at the
//! clock, and if it is too early waits with that deadline. So an alarm nobody waits for costs
//! nothing but its few words, stopping or resetting one leaves no stale tick behind, and a ticker that
//! is received late has dropped the ticks in between, without drifting.
//!
//! A reset or stop tells those who wait (`Outcome::Withdrawn`) to look again.
#![expect(unsafe_code, reason = "state behind a lock that select takes too")]

use std::cell::UnsafeCell;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::goroutine::Reason;
use crate::primitive::biased::Biased;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::section;
use crate::sched::current;
use crate::wait::{Outcome, Task, WaitList, Waiter, Wakes};

/// When the clock sends, shared by all receivers of the channel.
pub(crate) struct Alarm {
    /// Protects `state`.
    lock: Biased,
    state: UnsafeCell<State>,
}

/// The protected part.
pub(super) struct State {
    /// When it is next due, in nanoseconds; `NEVER` if it is stopped or has sent.
    next: u64,
    /// Nanoseconds between ticks; 0 for a single one.
    period: u64,
    pub(super) waiters: WaitList,
}

// SAFETY: `state` is reached under `lock` only.
unsafe impl Sync for Alarm {}
// SAFETY: as above; it belongs to no thread.
unsafe impl Send for Alarm {}

impl State {
    /// When it is next due.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the tick that is due at `now`, if one is.
    pub(super) fn take(&mut self, now: u64) -> Option<Instant> {
        if self.next > now {
            return None;
        }
        let due = self.next;
        self.next = match self.period {
            0 => NEVER,
            period => {
                let missed = (now - due) / period;
                due.saturating_add(period.saturating_mul(missed + 1))
                    .min(NEVER - 1)
            }
        };
        Some(clock::to_instant(due))
    }
}

impl Alarm {
    /// An alarm due at `next`, and then every `period` nanoseconds if that is not 0.
    pub(crate) fn new(next: u64, period: u64) -> Arc<Self> {
        Arc::new(Self {
            lock: Biased::new(),
            state: UnsafeCell::new(State {
                next,
                period,
                waiters: WaitList::new(),
            }),
        })
    }

    /// Sets a new time. True if the alarm was still to come.
    pub(crate) fn set(&self, next: u64, period: u64) -> bool {
        let (wakes, active) = self.with(|state| {
            let active = state.next != NEVER;
            state.next = next;
            state.period = period;
            let mut wakes = Wakes::new();
            while let Some(waiter) = state.waiters.claim() {
                waiter.set_outcome(Outcome::Withdrawn);
                wakes.push(waiter);
            }
            (wakes, active)
        });
        wakes.ready();
        active
    }

    /// Whether a tick is due.
    pub(super) fn is_due(&self) -> bool {
        let now = clock::now();
        self.with(|state| state.next <= now)
    }

    /// Takes the tick that is due, if one is.
    pub(super) fn try_take(&self) -> Option<Instant> {
        let now = clock::now();
        self.with(|state| state.take(now))
    }

    /// Waits for a tick until `deadline`.
    pub(super) fn take(&self, deadline: u64, at: &'static Location<'static>) -> Option<Instant> {
        Task::warm_up();
        loop {
            let now = clock::now();
            let inside = section::enter();
            let task = Task::current();
            let waiter = Waiter::new();
            let wait = task.ticket().open();
            let until = match self.with(|state| match state.take(now) {
                Some(tick) => Err(Some(tick)),
                None if now >= deadline => Err(None),
                None => {
                    waiter.prepare(task, Some(wait), 0, std::ptr::null_mut());
                    state.waiters.push(&waiter, false);
                    Ok(state.next.min(deadline))
                }
            }) {
                Ok(until) => until,
                Err(result) => {
                    task.ticket().close(wait);
                    return result;
                }
            };
            if task.park_until(wait, until, Reason::ChanReceive, at) {
                self.with(|state| state.waiters.remove(&waiter));
            }
            task.ticket().close(wait);
            drop(inside);
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
    pub(super) unsafe fn state(&self) -> &mut State {
        // SAFETY: exclusive by the caller's promise.
        unsafe { &mut *self.state.get() }
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let inside = current::enter();
        let owner = inside.as_ref().map(current::Inside::owner);
        // By the word: `f` may take long, and nobody may wait for the P's flag meanwhile.
        self.lock.lock_word(owner);
        // SAFETY: the lock is held, and `f` does not come back here.
        let result = f(unsafe { &mut *self.state.get() });
        // SAFETY: taken above; `f` does not unwind, it moves words around.
        unsafe { self.lock.unlock_word(owner) };
        result
    }
}

/// A future that waits for an alarm to be set anew. It looks at the clock itself, and somebody else wakes it in time.
#[cfg(not(loom))]
pub(crate) struct Awaiting<'a> {
    alarm: &'a Alarm,
    waiter: Waiter,
    /// As in a receive arm: others write to `waiter` while the future is polled by `&mut`.
    _shared: std::marker::PhantomPinned,
}

// SAFETY: others reach the waiter under the alarm's lock only.
#[cfg(not(loom))]
unsafe impl Send for Awaiting<'_> {}

#[cfg(not(loom))]
impl<'a> Awaiting<'a> {
    pub(super) fn new(alarm: &'a Alarm) -> Self {
        Self {
            alarm,
            waiter: Waiter::new(),
            _shared: std::marker::PhantomPinned,
        }
    }

    /// Takes the tick that is due, or waits in the name of `task`, and says until when; `NEVER` if the alarm is stopped.
    pub(crate) fn poll(
        self: std::pin::Pin<&Self>,
        task: &'static crate::wait::FutureTask,
    ) -> Result<Instant, u64> {
        let now = clock::now();
        self.alarm.with(|state| {
            if let Some(tick) = state.take(now) {
                state.waiters.remove(&self.waiter);
                return Ok(tick);
            }
            if !self.waiter.is_queued() {
                self.waiter
                    .prepare(Task::Future(task), None, 0, std::ptr::null_mut());
                state.waiters.push(&self.waiter, false);
            }
            Err(state.next)
        })
    }
}

#[cfg(not(loom))]
impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.alarm.with(|state| state.waiters.remove(&self.waiter));
    }
}
