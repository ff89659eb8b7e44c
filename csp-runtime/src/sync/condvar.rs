//! `Condvar`: waiting until something about a mutex's value has changed.
//!
//! A waiter is in the list before it unlocks the mutex, so a notification that follows any change made under the
//! mutex finds it. `some` mirrors whether the list is empty, for notifications that have nobody to wake: who has changed
//! the value under the mutex after the waiter unlocked it sees `some` set, by the mutex's own ordering.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use super::MutexGuard;
use crate::goroutine::Reason;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{AtomicBool, Ordering, const_fn};
use crate::wait::{Outcome, Task, WaitList, Waiter, Wakes};

/// Lets goroutines, and threads, wait for a change of what a [`Mutex`](super::Mutex) guards.
///
/// As [`std::sync::Condvar`], but whoever waits parks, and guards come back directly. A wait ends by a
/// notification or the timeout only, never by itself; but between the notification and the moment the mutex
/// is locked again others may have changed the value, so wait in a loop, or with [`wait_while`](Self::wait_while).
/// Notifications go to those who wait in the order in which they came.
///
/// # Examples
///
/// ```
/// use csp::go;
/// use csp::sync::{Arc, Condvar, Mutex};
///
/// let queue = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
/// let consumer = go!(clone(queue) => {
///     let (items, changed) = &*queue;
///     let mut items = changed.wait_while(items.lock(), |items| items.is_empty());
///     items.pop()
/// });
/// queue.0.lock().push("work");
/// queue.1.notify_one();
/// assert_eq!(consumer.join().unwrap(), Some("work"));
/// ```
pub struct Condvar {
    /// Whether `queue` has somebody in it; written under its lock.
    some: AtomicBool,
    queue: Spin<WaitList>,
}

/// Whether a timed wait ended by its timeout.
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was up before a notification came.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    const_fn! {
        /// Makes a condition variable that nobody waits on.
        pub fn new() -> Self {
            Self { some: AtomicBool::new(false), queue: Spin::new(WaitList::new()) }
        }
    }

    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_until(&guard, NEVER, Location::caller());
        guard
    }

    /// Waits until `condition` is false: it is asked first, and again after each notification.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while condition(&mut guard) {
            self.wait_until(&guard, NEVER, Location::caller());
        }
        guard
    }

    /// As [`wait`](Self::wait), but at most for `timeout`.
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        let timed_out = self.wait_until(&guard, clock::deadline(timeout), Location::caller());
        (guard, WaitTimeoutResult(timed_out))
    }

    /// As [`wait_while`](Self::wait_while), but at most for `timeout`. It has timed out if the condition still holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let (ready, result) =
    ///     changed.wait_timeout_while(ready.lock(), Duration::from_millis(1), |ready| !*ready);
    /// assert!(!*ready && result.timed_out());
    /// ```
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        let deadline = clock::deadline(timeout);
        loop {
            if !condition(&mut guard) {
                return (guard, WaitTimeoutResult(false));
            }
            if clock::now() >= deadline {
                return (guard, WaitTimeoutResult(true));
            }
            self.wait_until(&guard, deadline, Location::caller());
        }
    }

    /// Wakes the one who has waited longest, if anybody waits.
    ///
    /// The mutex may be locked or not. A notification is not kept for those who wait later.
    pub fn notify_one(&self) {
        if !self.some.load(Ordering::Relaxed) {
            return;
        }
        let mut queue = self.queue.lock();
        let first = queue.claim();
        self.some.store(!queue.is_empty(), Ordering::Relaxed);
        if let Some(first) = first {
            first.set_outcome(Outcome::Done);
            let inside = queue.unlock();
            first.task().ready();
            drop(inside);
        }
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        if !self.some.load(Ordering::Relaxed) {
            return;
        }
        let mut wakes = Wakes::new();
        let mut queue = self.queue.lock();
        while let Some(waiter) = queue.claim() {
            waiter.set_outcome(Outcome::Done);
            wakes.push(waiter);
        }
        self.some.store(false, Ordering::Relaxed);
        let inside = queue.unlock();
        wakes.ready();
        drop(inside);
    }

    /// Waits with the mutex of `guard` unlocked, until `deadline`; true if the deadline ended it.
    fn wait_until<T: ?Sized>(
        &self,
        guard: &MutexGuard<'_, T>,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> bool {
        let mutex = guard.raw();
        Task::warm_up();
        let mut queue = self.queue.lock();
        let task = Task::current();
        let waiter = Waiter::new();
        let contest = (deadline < NEVER).then(|| task.ticket().open());
        waiter.prepare(task, contest, 0, std::ptr::null_mut());
        queue.push(&waiter, false);
        self.some.store(true, Ordering::Relaxed);
        let inside = queue.unlock();
        mutex.unlock();
        let mut timed_out = false;
        match contest {
            None => task.park(Reason::CondvarWait, at),
            Some(wait) => {
                timed_out = task.park_until(wait, deadline, Reason::CondvarWait, at);
                task.ticket().close(wait);
            }
        }
        drop(inside);
        if timed_out {
            let mut queue = self.queue.lock();
            queue.remove(&waiter);
            self.some.store(!queue.is_empty(), Ordering::Relaxed);
        }
        mutex.lock(at);
        timed_out
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

// No user code runs while the list is changed.
impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

#[cfg(all(test, loom))]
mod model {
    use super::super::Mutex;
    use super::*;
    use crate::primitive::model::check;
    use loom::sync::Arc;
    use loom::thread;

    type Shared = Arc<(Mutex<u32>, Condvar)>;

    fn shared() -> Shared {
        Arc::new((Mutex::new(0), Condvar::new()))
    }

    /// Loom reports a wait that nothing ends as a deadlock.
    #[test]
    fn loom_a_change_under_the_mutex_is_not_missed() {
        check(3, || {
            let shared = shared();
            let waiter = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let value = shared.1.wait_while(shared.0.lock(), |value| *value == 0);
                    assert_eq!(*value, 1);
                })
            };
            *shared.0.lock() = 1;
            shared.1.notify_one();
            waiter.join().unwrap();
        });
    }

    fn two_are_woken_by(notify: fn(&Condvar)) {
        check(2, move || {
            let shared = shared();
            let waiters = [(); 2].map(|()| {
                let shared = shared.clone();
                thread::spawn(move || {
                    drop(shared.1.wait_while(shared.0.lock(), |value| *value == 0))
                })
            });
            *shared.0.lock() = 1;
            notify(&shared.1);
            for waiter in waiters {
                waiter.join().unwrap();
            }
        });
    }

    #[test]
    fn loom_notify_all_wakes_both() {
        two_are_woken_by(Condvar::notify_all);
    }

    #[test]
    fn loom_two_notifications_wake_two() {
        two_are_woken_by(|condvar| {
            condvar.notify_one();
            condvar.notify_one();
        });
    }

    /// A notification does not get lost on one whose time is up: it goes to the other.
    #[test]
    fn loom_a_timeout_does_not_swallow_a_notification() {
        check(2, || {
            let shared = shared();
            let timed = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let (mut value, result) = shared
                        .1
                        .wait_timeout(shared.0.lock(), Duration::from_secs(1));
                    if !result.timed_out() {
                        // It has the only notification, and passes it on.
                        *value += 1;
                        drop(value);
                        shared.1.notify_one();
                    }
                })
            };
            let waiter = {
                let shared = shared.clone();
                thread::spawn(move || {
                    drop(shared.1.wait_while(shared.0.lock(), |value| *value == 0))
                })
            };
            *shared.0.lock() += 1;
            shared.1.notify_one();
            timed.join().unwrap();
            waiter.join().unwrap();
        });
    }
}
