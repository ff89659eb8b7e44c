//! `WaitGroup`: waiting for a number of goroutines.
//!
//! A counter and the list of those who wait for zero, behind one lock of one locked instruction; Go
//! packs both numbers into one atomic word instead, which costs the same for `done` and a semaphore
//! more for `wait`.
//!
//! The same lock counts who keeps the group alive, so that a goroutine started in the group costs one
//! locked instruction at its start and one at its end, and no reference count beside them.
#![expect(unsafe_code, reason = "shared ownership counted under the lock")]

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::goroutine::Reason;
use crate::primitive::spin::{Spin, SpinGuard};
use crate::sched;
use crate::wait::{Outcome, Task, WaitList, Waiter, Wakes};

/// Waits for a number of goroutines to end.
///
/// Clones share one counter. It starts at zero and can be used again each time it has come back
/// to zero.
///
/// # Examples
///
/// ```
/// use csp::{WaitGroup, go};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// let wg = WaitGroup::new();
/// let count = Arc::new(AtomicU32::new(0));
/// for _ in 0..10 {
///     go!(in wg, clone(count) => { count.fetch_add(1, Ordering::Relaxed); });
/// }
/// wg.wait();
/// assert_eq!(count.load(Ordering::Relaxed), 10);
/// ```
pub struct WaitGroup(NonNull<Spin<State>>);

/// What all clones share. Freed by the last owner.
struct State {
    /// Never negative.
    count: isize,
    /// Clones of the group, and goroutines started in it: each keeps the state alive.
    owners: usize,
    waiters: WaitList,
}

// SAFETY: an owner reaches the state through its lock only, and the state belongs to no thread.
unsafe impl Send for WaitGroup {}
// SAFETY: as above.
unsafe impl Sync for WaitGroup {}

impl WaitGroup {
    /// Makes a wait group with a counter of zero.
    pub fn new() -> Self {
        let state = Box::leak(Box::new(Spin::new(State {
            count: 0,
            owners: 1,
            waiters: WaitList::new(),
        })));
        Self(NonNull::from(state))
    }

    #[inline]
    fn lock(&self) -> SpinGuard<'_, State> {
        // SAFETY: this group is one of the owners, so the state is alive.
        unsafe { self.0.as_ref() }.lock()
    }

    /// Adds `n`, which may be negative, to the counter. At zero, all who wait go on.
    ///
    /// # Panics
    ///
    /// If the counter would become negative, or too large.
    #[track_caller]
    pub fn add(&self, n: impl TryInto<isize>) {
        let Ok(n) = n.try_into() else {
            panic!("sync: WaitGroup counter overflow");
        };
        self.change(n, 0);
    }

    /// Takes one from the counter. At zero, all who wait go on.
    ///
    /// # Panics
    ///
    /// If the counter would become negative: more calls of `done` than were added.
    #[track_caller]
    pub fn done(&self) {
        self.change(-1, 0);
    }

    /// Changes the counter and the number of owners.
    #[track_caller]
    fn change(&self, n: isize, owners: isize) {
        let mut state = self.lock();
        let Some(count) = state.count.checked_add(n) else {
            drop(state);
            panic!("sync: WaitGroup counter overflow");
        };
        if count < 0 {
            drop(state);
            panic!("sync: negative WaitGroup counter");
        }
        state.count = count;
        state.owners = state.owners.wrapping_add_signed(owners);
        let last = state.owners == 0;
        let mut wakes = Wakes::new();
        if count == 0 {
            while let Some(waiter) = state.waiters.claim() {
                waiter.set_outcome(Outcome::Done);
                wakes.push(waiter);
            }
        }
        let inside = state.unlock();
        wakes.ready();
        drop(inside);
        if last {
            self.free();
        }
    }

    /// Frees the state: the last owner has gone, so nobody can reach it.
    #[cold]
    fn free(&self) {
        // SAFETY: made by `Box` in `new`, and reached by no owner any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }

    /// Waits until the counter is zero.
    #[track_caller]
    pub fn wait(&self) {
        let at = Location::caller();
        Task::warm_up();
        sched::checkpoint();
        let mut state = self.lock();
        if state.count == 0 {
            return;
        }
        let task = Task::current();
        let waiter = Waiter::new();
        waiter.prepare(task, None, 0, std::ptr::null_mut());
        state.waiters.push(&waiter, false);
        let _inside = state.unlock();
        task.park(Reason::WaitGroup, at);
    }
}

impl WaitGroup {
    /// One count more, and one owner more: a member, which ends with [`leave`](Self::leave).
    #[track_caller]
    pub(super) fn enter(&self) -> Self {
        self.change(1, 1);
        Self(self.0)
    }

    /// Takes the count and the owner of a member out again; the member is not used any more.
    pub(super) fn leave(member: &Self) {
        member.change(-1, -1);
    }
}

impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        self.change(0, 1);
        Self(self.0)
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        self.change(0, -1);
    }
}

// A panic leaves the counter whole: no user code runs under its lock.
impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not in one expression: the formatter is user code and must not run under the lock.
        let count = self.lock().count;
        f.debug_struct("WaitGroup").field("count", &count).finish()
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::WaitGroup;
    use crate::primitive::model::{Plain, check};
    use loom::sync::Arc;
    use loom::thread;

    fn member(group: &WaitGroup, data: &Arc<[Plain; 2]>, at: usize) -> thread::JoinHandle<()> {
        let (group, data) = (group.enter(), data.clone());
        thread::spawn(move || {
            data[at].set(1);
            WaitGroup::leave(&group);
            std::mem::forget(group);
        })
    }

    fn data() -> Arc<[Plain; 2]> {
        Arc::new([Plain::new(), Plain::new()])
    }

    /// The waiter goes on after the last member, sees what each has done, and the state is freed once.
    #[test]
    fn loom_wait_returns_after_all_members_and_sees_their_work() {
        check(3, || {
            let (group, data) = (WaitGroup::new(), data());
            let members = [member(&group, &data, 0), member(&group, &data, 1)];
            group.wait();
            assert_eq!(data[0].get() + data[1].get(), 2);
            drop(group);
            for member in members {
                member.join().unwrap();
            }
        });
    }

    /// The group is used again while the last member of the first round is on its way out.
    #[test]
    fn loom_a_group_can_be_used_again_at_once() {
        check(3, || {
            let (group, data) = (WaitGroup::new(), data());
            let first = member(&group, &data, 0);
            group.wait();
            assert_eq!(data[0].get(), 1);
            let second = member(&group, &data, 1);
            group.wait();
            assert_eq!(data[1].get(), 1);
            first.join().unwrap();
            second.join().unwrap();
        });
    }
}
