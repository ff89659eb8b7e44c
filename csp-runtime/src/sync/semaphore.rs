//! `Semaphore`: a number of permits, handed out in the order in which they were asked for.
//!
//! The number and the line of those who wait lie behind one lock of one locked instruction. An atomic counter with a
//! path past the line would save little and break the order.
//!
//! Invariants, under the lock:
//! - `free` + what is out = `total`, so giving back cannot overflow.
//! - If somebody waits, `free` is too little for the first, or that one's time is over and it is about to leave; whoever
//!   leaves lets those behind it go on. Nobody is served out of turn.
//!
//! What a waiter wants lies in its node, and who serves it takes that from `free` in its name.

use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::goroutine::Reason;
use crate::primitive::spin::{Spin, SpinGuard};
use crate::primitive::sync;
use crate::sched;
use crate::sync::line::{self, Line};
use crate::wait::{Outcome, Task, WaitList, Wakes};

/// A number of permits, of which one may ask for several at once.
///
/// It is strictly fair: permits go to those who wait in the order in which they came, so a large request is not overtaken
/// by small ones behind it, not even by [`try_acquire`](Self::try_acquire).
///
/// # Examples
///
/// ```
/// use csp::prelude::*;
/// use csp::sync::{Arc, Semaphore};
///
/// let slots = Arc::new(Semaphore::new(2)); // two at a time
/// let group = WaitGroup::new();
/// for _ in 0..8 {
///     let slot = Semaphore::acquire_owned(&slots, 1);
///     go!(in group => {
///         csp::yield_now(); // the work
///         drop(slot);
///     });
/// }
/// group.wait();
/// assert_eq!(slots.available_permits(), 2);
/// ```
pub struct Semaphore {
    state: Spin<State>,
}

// No user code runs under the lock, and a panic gives permits back.
impl UnwindSafe for Semaphore {}
impl RefUnwindSafe for Semaphore {}

/// The protected part; see the module.
struct State {
    /// Permits that nobody holds.
    free: usize,
    /// All permits there are.
    total: usize,
    /// Each with the number it wants.
    waiters: WaitList,
}

impl State {
    /// Takes `n` if it is the caller's turn.
    #[inline]
    fn take(&mut self, n: usize) -> bool {
        let ok = n == 0 || (self.waiters.is_empty() && self.free >= n);
        if ok {
            self.free -= n;
        }
        ok
    }
}

impl Semaphore {
    sync::const_fn! {
        /// Makes a semaphore with `permits` permits.
        pub fn new(permits: usize) -> Self {
            Self {
                state: Spin::new(State {
                    free: permits,
                    total: permits,
                    waiters: WaitList::new(),
                }),
            }
        }
    }

    /// Waits for `n` permits, and for its turn. If there are never that many, for ever. No permits are had at once.
    #[track_caller]
    pub fn acquire(&self, n: usize) -> SemaphorePermit<'_> {
        self.take(n, Line::forever(Reason::Semaphore));
        SemaphorePermit { semaphore: self, n }
    }

    /// Returns `n` permits, if there are that many and nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = csp::sync::Semaphore::new(3);
    /// let two = semaphore.acquire(2);
    /// assert!(semaphore.try_acquire(2).is_none());
    /// drop(two);
    /// assert_eq!(semaphore.try_acquire(2).unwrap().count(), 2);
    /// ```
    pub fn try_acquire(&self, n: usize) -> Option<SemaphorePermit<'_>> {
        let taken = self.state.lock().take(n);
        taken.then(|| SemaphorePermit { semaphore: self, n })
    }

    /// Waits for `n` permits, but not longer than `timeout`. Zero is a mere try.
    ///
    /// Who gives up lets those behind go on at once.
    #[track_caller]
    pub fn acquire_timeout(&self, n: usize, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        self.take_timeout(n, timeout)
            .then(|| SemaphorePermit { semaphore: self, n })
    }

    /// As [`acquire`](Self::acquire), with a permit that keeps the semaphore and can be moved into a goroutine.
    #[track_caller]
    pub fn acquire_owned(self: &Arc<Self>, n: usize) -> OwnedSemaphorePermit {
        self.take(n, Line::forever(Reason::Semaphore));
        self.owned(n)
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that keeps the semaphore.
    pub fn try_acquire_owned(self: &Arc<Self>, n: usize) -> Option<OwnedSemaphorePermit> {
        let taken = self.state.lock().take(n);
        taken.then(|| self.owned(n))
    }

    /// As [`acquire_timeout`](Self::acquire_timeout), with a permit that keeps the semaphore.
    #[track_caller]
    pub fn acquire_timeout_owned(
        self: &Arc<Self>,
        n: usize,
        timeout: Duration,
    ) -> Option<OwnedSemaphorePermit> {
        self.take_timeout(n, timeout).then(|| self.owned(n))
    }

    fn owned(self: &Arc<Self>, n: usize) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit {
            semaphore: Arc::clone(self),
            n,
        }
    }

    /// Adds `n` permits to those there are.
    ///
    /// # Panics
    ///
    /// If there would be more than a `usize` can hold, those counted that are out.
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        let mut state = self.state.lock();
        let Some(total) = state.total.checked_add(n) else {
            drop(state);
            panic!("too many permits in the semaphore");
        };
        state.total = total;
        state.free += n;
        Self::serve(state);
    }

    /// Returns how many permits nobody holds. They may be fewer by the time the caller looks, and if somebody waits for
    /// more than these, others do not get them.
    pub fn available_permits(&self) -> usize {
        self.state.lock().free
    }

    fn take_timeout(&self, n: usize, timeout: Duration) -> bool {
        if timeout.is_zero() {
            return self.state.lock().take(n);
        }
        self.take(n, Line::timeout(Reason::Semaphore, timeout))
    }

    /// Takes `n` in turn. False if the time is over.
    fn take(&self, n: usize, line: Line) -> bool {
        Task::warm_up();
        sched::checkpoint();
        let mut state = self.state.lock();
        if state.take(n) {
            return true;
        }
        match line.wait(&self.state, state, |state| &mut state.waiters, n) {
            Ok(()) => true,
            Err(state) => {
                // There may be enough for those behind.
                Self::serve(state);
                false
            }
        }
    }

    fn give_back(&self, n: usize) {
        if n > 0 {
            let mut state = self.state.lock();
            state.free += n;
            Self::serve(state);
        }
    }

    /// Permits that will not come back.
    fn forget(&self, n: usize) {
        self.state.lock().total -= n;
    }

    /// Hands out what there is, in turn, and wakes those who got it.
    fn serve(mut state: SpinGuard<'_, State>) {
        let mut wakes = Wakes::new();
        loop {
            let free = state.free;
            let fits = |waiter: &_| line::amount(waiter) <= free;
            let Some(waiter) = state.waiters.claim_if(fits) else {
                break;
            };
            state.free -= line::amount(waiter);
            waiter.set_outcome(Outcome::Done);
            wakes.push(waiter);
        }
        line::unlock_and_wake(state, wakes);
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not in one expression: the formatter is user code and must not run under the lock.
        let permits = self.available_permits();
        f.debug_struct("Semaphore")
            .field("available_permits", &permits)
            .finish()
    }
}

/// Permits of a [`Semaphore`]; given back when dropped.
#[must_use = "the permits are given back when this is dropped"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    n: usize,
}

/// Permits of a [`Semaphore`] that keep it alive; given back when dropped.
#[must_use = "the permits are given back when this is dropped"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    n: usize,
}

/// What both kinds of permits can do.
macro_rules! permit {
    ($name:ident $(<$life:lifetime>)?, $clone:expr) => {
        impl $(<$life>)? $name $(<$life>)? {
            /// Returns how many permits these are.
            pub fn count(&self) -> usize {
                self.n
            }

            /// Takes the permits out of the semaphore for good.
            pub fn forget(mut self) {
                self.semaphore.forget(mem::take(&mut self.n));
            }

            /// Takes `n` of these permits off, if there are that many.
            pub fn split(&mut self, n: usize) -> Option<Self> {
                self.n = self.n.checked_sub(n)?;
                let clone: fn(&_) -> _ = $clone;
                Some(Self { semaphore: clone(&self.semaphore), n })
            }

            /// Adds `other`'s permits to these.
            ///
            /// # Panics
            ///
            /// If they are of another semaphore.
            #[track_caller]
            pub fn merge(&mut self, mut other: Self) {
                let (own, its): (&Semaphore, &Semaphore) = (&self.semaphore, &other.semaphore);
                assert!(std::ptr::eq(own, its), "permits of different semaphores");
                self.n += mem::take(&mut other.n);
            }
        }

        impl $(<$life>)? Drop for $name$(<$life>)? {
            fn drop(&mut self) {
                self.semaphore.give_back(self.n);
            }
        }

        impl $(<$life>)? fmt::Debug for $name$(<$life>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("n", &self.n).finish_non_exhaustive()
            }
        }
    };
}

permit!(SemaphorePermit<'a>, |semaphore| *semaphore);
permit!(OwnedSemaphorePermit, Arc::clone);

#[cfg(all(test, loom))]
mod model {
    use std::time::Duration;

    use loom::sync::Arc;
    use loom::thread;

    use super::Semaphore;
    use crate::primitive::model::check;
    use crate::primitive::sync::{AtomicUsize, Ordering};

    const SOME_TIME: Duration = Duration::from_secs(1);

    /// A semaphore of two permits, and how many are out.
    struct Shared(Semaphore, AtomicUsize);

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self(Semaphore::new(2), AtomicUsize::new(0)))
        }

        /// Takes some, is sure that there are not too many out, and gives them back.
        fn use_some(&self, n: usize) {
            let _permit = self.0.acquire(n);
            assert!(self.1.fetch_add(n, Ordering::Relaxed) + n <= 2);
            self.1.fetch_sub(n, Ordering::Relaxed);
        }
    }

    #[test]
    fn loom_no_more_are_out_than_there_are() {
        check(3, || {
            let shared = Shared::new();
            let others: Vec<_> = [1, 2]
                .into_iter()
                .map(|n| {
                    let shared = shared.clone();
                    thread::spawn(move || shared.use_some(n))
                })
                .collect();
            shared.use_some(1);
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(shared.0.available_permits(), 2);
        });
    }

    /// The main thread keeps one permit until the small request is served: so it is, although a large one was in front.
    #[test]
    fn loom_a_head_that_times_out_lets_those_behind_go_on() {
        check(3, || {
            let shared = Shared::new();
            let kept = shared.0.acquire(1);
            let large = {
                let shared = shared.clone();
                thread::spawn(move || drop(shared.0.acquire_timeout(2, SOME_TIME)))
            };
            let small = {
                let shared = shared.clone();
                thread::spawn(move || drop(shared.0.acquire(1)))
            };
            small.join().unwrap();
            drop(kept);
            large.join().unwrap();
            assert_eq!(shared.0.available_permits(), 2);
        });
    }

    #[test]
    fn loom_the_end_of_a_wait_races_with_the_giving_back() {
        check(3, || {
            let shared = Shared::new();
            let kept = shared.0.acquire(2);
            let timed = {
                let shared = shared.clone();
                thread::spawn(move || drop(shared.0.acquire_timeout(2, SOME_TIME)))
            };
            let patient = {
                let shared = shared.clone();
                thread::spawn(move || shared.use_some(1))
            };
            drop(kept);
            timed.join().unwrap();
            patient.join().unwrap();
            assert_eq!(shared.0.available_permits(), 2);
        });
    }
}
