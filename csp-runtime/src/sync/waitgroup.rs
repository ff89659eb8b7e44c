//! `WaitGroup`: waiting for a number of goroutines.
//!
//! A counter and the list of those who wait for zero, behind one lock of one locked instruction; Go
//! packs both numbers into one atomic word instead, which costs the same for `done` and a semaphore
//! more for `wait`.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::goroutine::Reason;
use crate::primitive::spin::Spin;
use crate::task::{JoinHandle, Options, spawn};
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
#[derive(Clone)]
pub struct WaitGroup(Arc<Spin<State>>);

struct State {
    /// Never negative.
    count: isize,
    waiters: WaitList,
}

impl WaitGroup {
    /// Makes a wait group with a counter of zero.
    pub fn new() -> Self {
        Self(Arc::new(Spin::new(State {
            count: 0,
            waiters: WaitList::new(),
        })))
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
        self.change(n);
    }

    /// Takes one from the counter. At zero, all who wait go on.
    ///
    /// # Panics
    ///
    /// If the counter would become negative: more calls of `done` than were added.
    #[track_caller]
    pub fn done(&self) {
        self.change(-1);
    }

    #[track_caller]
    fn change(&self, n: isize) {
        let mut state = self.0.lock();
        let Some(count) = state.count.checked_add(n) else {
            drop(state);
            panic!("sync: WaitGroup counter overflow");
        };
        if count < 0 {
            drop(state);
            panic!("sync: negative WaitGroup counter");
        }
        state.count = count;
        if count > 0 || state.waiters.is_empty() {
            return;
        }
        let mut wakes = Wakes::new();
        while let Some(waiter) = state.waiters.claim() {
            waiter.set_outcome(Outcome::Done);
            wakes.push(waiter);
        }
        drop(state);
        wakes.ready();
    }

    /// Waits until the counter is zero.
    #[track_caller]
    pub fn wait(&self) {
        let at = Location::caller();
        let mut state = self.0.lock();
        if state.count == 0 {
            return;
        }
        let task = Task::current();
        let waiter = Waiter::new();
        waiter.prepare(task, None, 0, std::ptr::null_mut());
        state.waiters.push(&waiter, false);
        drop(state);
        task.park(Reason::WaitGroup, at);
    }

    /// Starts a goroutine that counts in this group: added before it exists, done when it ends, also
    /// by a panic.
    ///
    /// # Panics
    ///
    /// If no stack can be had for it.
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let options = Options {
            name: None,
            stack: None,
            site: Location::caller(),
            id: None,
        };
        self.spawn(options, f)
    }

    pub(crate) fn spawn<F, T>(&self, options: Options, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.change(1);
        let member = Member(self.clone());
        // If the spawn fails, dropping the closure takes the member out again.
        spawn(options, move || {
            let _member = member;
            f()
        })
        .unwrap_or_else(|error| panic!("{error}"))
    }
}

// A panic leaves the counter whole: no user code runs under its lock.
impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

/// One count in a group, taken back when it is dropped.
struct Member(WaitGroup);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.0.lock().count)
            .finish()
    }
}
