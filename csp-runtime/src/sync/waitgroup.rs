//! `WaitGroup`: waiting for a number of goroutines.
//!
//! The counter, the number of owners and the word that somebody waits are one atomic ([`GroupWord`]), so that a goroutine
//! started in the group costs one locked instruction at its start and one at its end, no lock, and no reference count beside
//! them. The list of those who wait has a lock, taken by whoever waits and by the end that wakes.
#![expect(unsafe_code, reason = "shared ownership counted in the word")]

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::goroutine::Reason;
use crate::primitive::spin::Spin;
use crate::protocol::group::{Counted, Ended, GroupWord, TooMany};
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
pub struct WaitGroup(NonNull<State>);

/// What all clones share, in a cache line of its own. Freed by the last owner.
#[repr(align(64))]
struct State {
    word: GroupWord,
    waiters: Spin<WaitList>,
}

// SAFETY: an owner reaches the state only through its word and its lock, and the state belongs to no thread.
unsafe impl Send for WaitGroup {}
// SAFETY: as above.
unsafe impl Sync for WaitGroup {}

impl WaitGroup {
    /// Makes a wait group with a counter of zero.
    pub fn new() -> Self {
        let state = Box::leak(Box::new(State {
            word: GroupWord::new(),
            waiters: Spin::new(WaitList::new()),
        }));
        Self(NonNull::from(state))
    }

    #[inline]
    fn state(&self) -> &State {
        // SAFETY: this group is one of the owners, so the state is alive.
        unsafe { self.0.as_ref() }
    }

    /// Adds `n`, which may be negative, to the counter. At zero, all who wait go on.
    ///
    /// # Panics
    ///
    /// If the counter would become negative, or too large.
    #[track_caller]
    pub fn add(&self, n: impl TryInto<isize>) {
        let n: Option<isize> = n.try_into().ok();
        let Some(n) = n.and_then(|n| i64::try_from(n).ok()) else {
            overflow();
        };
        self.count(n);
    }

    /// Takes one from the counter. At zero, all who wait go on.
    ///
    /// # Panics
    ///
    /// If the counter would become negative: more calls of `done` than were added.
    #[track_caller]
    pub fn done(&self) {
        self.count(-1);
    }

    #[inline]
    #[track_caller]
    fn count(&self, n: i64) {
        match self.state().word.add(n) {
            Counted::Done => {}
            Counted::TakeLock if self.count_and_wake(n) => {}
            // Nothing is woken without the lock.
            Counted::Negative | Counted::TakeLock | Counted::Wake => negative(),
            Counted::Overflow => overflow(),
        }
    }

    /// Changes the counter when that may wake those who wait; false if it would become negative.
    #[cold]
    fn count_and_wake(&self, n: i64) -> bool {
        let mut waiters = self.state().waiters.lock();
        let counted = self.state().word.add_locked(n);
        let mut wakes = Wakes::new();
        if counted == Counted::Wake {
            while let Some(waiter) = waiters.claim() {
                waiter.set_outcome(Outcome::Done);
                wakes.push(waiter);
            }
        }
        let inside = waiters.unlock();
        wakes.ready();
        drop(inside);
        matches!(counted, Counted::Done | Counted::Wake)
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
        if self.state().word.count() == 0 {
            return;
        }
        let mut waiters = self.state().waiters.lock();
        if !self.state().word.wait_locked() {
            return;
        }
        let task = Task::current();
        let waiter = Waiter::new();
        waiter.prepare(task, None, 0, std::ptr::null_mut());
        waiters.push(&waiter, false);
        let _inside = waiters.unlock();
        task.park(Reason::WaitGroup, at);
    }
}

impl WaitGroup {
    /// One count more, and one owner more: a member, which ends with [`leave`](Self::leave).
    #[inline]
    #[track_caller]
    pub(super) fn enter(&self) -> Self {
        if self.state().word.enter() == Err(TooMany) {
            overflow();
        }
        Self(self.0)
    }

    /// Takes the count and the owner of a member out again; the member is not used any more. False if the counter would
    /// become negative: then nothing has changed.
    #[inline]
    #[must_use]
    pub(super) fn leave(member: &Self) -> bool {
        match member.state().word.leave() {
            Ended::Gone => {}
            Ended::Free => member.free(),
            Ended::TakeLock => return member.leave_and_wake(),
            Ended::Negative => return false,
        }
        true
    }

    #[cold]
    fn leave_and_wake(&self) -> bool {
        let counted = self.count_and_wake(-1);
        if counted {
            self.unshare();
        }
        counted
    }

    fn unshare(&self) {
        if self.state().word.unshare() {
            self.free();
        }
    }
}

#[cold]
#[track_caller]
fn overflow() -> ! {
    panic!("sync: WaitGroup counter overflow");
}

#[cold]
#[track_caller]
pub(super) fn negative() -> ! {
    panic!("sync: negative WaitGroup counter");
}

impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        if self.state().word.share() == Err(TooMany) {
            overflow();
        }
        Self(self.0)
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        self.unshare();
    }
}

// A panic leaves the counter whole: no user code runs under the lock.
impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.state().word.count();
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
            assert!(WaitGroup::leave(&group));
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
