//! Standing in line: one wait in a list behind a spin lock, as all of this folder do it.
//!
//! ```text
//!   lock held, nothing to be had ─ push ─ unlock ─ park ─┬─ woken: what was waited for is the caller's
//!                                                        └─ timed out: lock, unlink, the caller puts things right
//! ```
//!
//! Whoever wakes hands over what was waited for, under the lock; so a task that was woken has nothing to look at again.
//! A task that times out may have stood in the way of others: hence it gets the lock back.

use std::panic::Location;
use std::ptr;
use std::time::Duration;

use crate::goroutine::Reason;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::spin::{Spin, SpinGuard};
use crate::wait::{Outcome, Task, WaitList, Waiter, Wakes};

/// How a task waits, and where from.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// What a report says of it.
    pub(super) reason: Reason,
    /// The user's call.
    pub(super) at: &'static Location<'static>,
    /// When it gives up, in nanoseconds; `NEVER` if it does not.
    pub(super) deadline: u64,
}

impl Line {
    /// A wait without end for the caller of a `#[track_caller]` function.
    #[track_caller]
    #[inline]
    pub(super) fn forever(reason: Reason) -> Self {
        Self {
            reason,
            at: Location::caller(),
            deadline: NEVER,
        }
    }

    /// A wait for `timeout` at most.
    #[track_caller]
    pub(super) fn timeout(reason: Reason, timeout: Duration) -> Self {
        Self {
            deadline: clock::deadline(timeout),
            ..Self::forever(reason)
        }
    }

    /// Waits at the end of the list that `list` finds behind `lock`, which `guard` holds, for `amount` of whatever is
    /// handed out there. The lock is held again, and the waiter unlinked, if the time is over.
    ///
    /// The caller has called `Task::warm_up` before it took the lock.
    pub(super) fn wait<'a, T>(
        self,
        lock: &'a Spin<T>,
        mut guard: SpinGuard<'a, T>,
        list: fn(&mut T) -> &mut WaitList,
        amount: usize,
    ) -> Result<(), SpinGuard<'a, T>> {
        let task = Task::current();
        let contest = (self.deadline < NEVER).then(|| task.ticket().open());
        let waiter = Waiter::new();
        waiter.prepare(task, contest, 0, ptr::without_provenance_mut(amount));
        list(&mut guard).push(&waiter, false);
        let inside = guard.unlock();
        let Some(wait) = contest else {
            task.park(self.reason, self.at);
            return Ok(());
        };
        let timed_out = task.park_until(wait, self.deadline, self.reason, self.at);
        task.ticket().close(wait);
        drop(inside);
        if !timed_out {
            return Ok(());
        }
        let mut guard = lock.lock();
        list(&mut guard).remove(&waiter);
        Err(guard)
    }
}

/// What a waiter in a line wants.
#[inline]
pub(super) fn amount(waiter: &Waiter) -> usize {
    waiter.place().addr()
}

/// Ends the waits of all in `list`; returns how many there were.
pub(super) fn claim_all(list: &mut WaitList, wakes: &mut Wakes) -> usize {
    let mut count = 0;
    while let Some(waiter) = list.claim() {
        waiter.set_outcome(Outcome::Done);
        wakes.push(waiter);
        count += 1;
    }
    count
}

/// Unlocks, and then makes those ready whose waits were ended under the lock.
#[inline]
pub(super) fn unlock_and_wake<T>(guard: SpinGuard<'_, T>, wakes: Wakes) {
    let inside = guard.unlock();
    wakes.ready();
    drop(inside);
}
