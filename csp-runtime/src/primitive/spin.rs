//! A lock for critical sections of a few dozen instructions that run no user code.
//!
//! ```text
//!            try_lock / lock: CAS, Acquire
//!   FREE ──────────────────────────────────► HELD
//!     ▲                                        │
//!     └────────────────────────────────────────┘
//!                 unlock: store, Release
//! ```
//!
//! Invariants: between a successful acquisition and the unlock nobody else acquires; what the
//! holder wrote is visible to the next holder (the Release store pairs with the Acquire CAS).
//!
//! **Why not a futex mutex.** Its unlock has to find out whether somebody sleeps, and so exchanges
//! the word: a second read-modify-write, about 20 cycles, on every uncontended use. Here the unlock
//! is a plain store. The price is that nobody wakes a waiter; it has to look by itself. That is
//! cheap as long as sections are short and the holder runs, and a section under this lock runs in
//! the runtime, where goroutines are not preempted: [`Spin`] makes each hold a [section](super::section), and
//! whoever uses [`RawSpin`] is in one already. The operating system may still take the holder
//! off its CPU, so a waiter spins only for a moment, then yields, then sleeps 50 us at a time.
//!
//! Fairness was not bought either (ticket and MCS locks): a queue of waiters stands still whenever
//! the first in line is off its CPU, which with more threads than CPUs is the common case.
//!
//! Source: test-and-test-and-set after Rudolph and Segall (1984).
#![expect(unsafe_code, reason = "a lock hands out references to what it guards")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::section;
use super::sync::{self, AtomicU32, Ordering, SharedCell};

const FREE: u32 = 0;
const HELD: u32 = 1;

/// Pauses before the waiter first gives up its CPU.
#[cfg(not(loom))]
const SPINS: u32 = 600;
/// Pauses between the first two looks at the word. The line that a waiter looks at has to travel to it and back, some
/// 150 ns; in a pause of 300 ns the holder, left alone, takes the lock ten times more.
#[cfg(not(loom))]
const FIRST_PAUSE: u32 = 16;
/// The most pauses between two looks.
#[cfg(not(loom))]
const LONGEST_PAUSE: u32 = 128;
/// Times the waiter yields before it sleeps.
#[cfg(not(loom))]
const YIELDS: u32 = 8;
/// How long a waiter sleeps: longer than any section, shorter than any time slice.
#[cfg(not(loom))]
const NAP: std::time::Duration = std::time::Duration::from_micros(50);

/// The lock without the data: for structures that interleave their own parts with it.
pub(crate) struct RawSpin {
    /// `FREE` or `HELD`. Anyone may make it `HELD` by CAS; only the holder makes it `FREE`.
    word: AtomicU32,
    /// Where the models wait: a loop that spins has no end in loom if three threads want the lock.
    #[cfg(loom)]
    turn: model_turn::Turn,
}

impl RawSpin {
    sync::const_fn! {
        pub(crate) fn new() -> Self {
            Self {
                word: AtomicU32::new(FREE),
                #[cfg(loom)]
                turn: model_turn::Turn::new(),
            }
        }
    }

    /// Acquires the lock, waiting as long as it takes. The caller is in a section, and stays there until it
    /// has released the lock.
    #[inline]
    pub(crate) fn lock(&self) {
        #[cfg(not(loom))]
        debug_assert_ne!(section::depth(), 0, "a holder could be preempted");
        #[cfg(loom)]
        self.turn.take();
        if !self.try_lock() {
            self.lock_slow();
        }
    }

    /// Acquires the lock if it is free.
    #[inline]
    #[must_use]
    pub(crate) fn try_lock(&self) -> bool {
        self.word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Releases the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, and keeps no reference to what it guards.
    #[inline]
    pub(crate) unsafe fn unlock(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.release() };
        #[cfg(loom)]
        self.turn.give();
    }

    /// As [`unlock`](Self::unlock), of a lock that was not taken by [`lock`](Self::lock).
    ///
    /// # Safety
    ///
    /// As there.
    #[inline]
    pub(super) unsafe fn release(&self) {
        self.word.store(FREE, Ordering::Release);
    }

    #[cold]
    #[cfg(not(loom))]
    fn lock_slow(&self) {
        self.lock_or(|| false);
    }

    /// Waits until the lock is acquired, or until `otherwise`, which is asked between looks at the lock, says that it
    /// need not be.
    #[cfg(not(loom))]
    pub(super) fn lock_or(&self, mut otherwise: impl FnMut() -> bool) {
        let mut rounds = 0;
        loop {
            let mut pause = FIRST_PAUSE;
            let mut spins = 0;
            while spins < SPINS {
                // The plain load keeps the cache line shared among the waiters until it changes.
                if self.word.load(Ordering::Relaxed) == FREE && self.try_lock() || otherwise() {
                    return;
                }
                for _ in 0..pause {
                    sync::spin_loop();
                }
                spins += pause;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
            if rounds < YIELDS {
                rounds += 1;
                sync::yield_now();
            } else {
                // A yield lets only equals run; a holder of lower priority needs an idle CPU.
                std::thread::sleep(NAP);
            }
        }
    }

    /// As above; a loop that only a yield ends, for models of two threads.
    #[cfg(loom)]
    pub(super) fn lock_or(&self, mut otherwise: impl FnMut() -> bool) {
        while !self.try_lock() && !otherwise() {
            sync::yield_now();
        }
    }

    /// Whose turn it is has the lock.
    #[cold]
    #[cfg(loom)]
    fn lock_slow(&self) {
        unreachable!("taken out of turn");
    }
}

/// Waits for the end of something that is no lock but as short: `is_over` is asked between pauses. As for a lock, the
/// thread that does it may be off its CPU, and of lower priority than the caller.
#[cold]
#[cfg(not(loom))]
pub(super) fn wait_until(is_over: impl Fn() -> bool) {
    let (mut spins, mut rounds) = (0, 0);
    while !is_over() {
        if spins < SPINS {
            spins += 1;
            sync::spin_loop();
        } else if rounds < YIELDS {
            rounds += 1;
            sync::yield_now();
        } else {
            std::thread::sleep(NAP);
        }
    }
}

/// As above; a loop that only a yield ends.
#[cfg(loom)]
pub(super) fn wait_until(is_over: impl Fn() -> bool) {
    while !is_over() {
        sync::yield_now();
    }
}

/// Turns at a lock, by a mutex of loom's, which deschedules who waits. The word goes through its transitions all the
/// same; that its orderings suffice alone is what the model of this file shows, which takes no turns.
#[cfg(loom)]
mod model_turn {
    use loom::sync::{Mutex, MutexGuard};
    use std::cell::UnsafeCell;

    pub(super) struct Turn {
        /// Boxed, so that the guard's borrow survives a move of the lock.
        mutex: Box<Mutex<()>>,
        /// The holder's guard; touched by the holder only.
        held: UnsafeCell<Option<MutexGuard<'static, ()>>>,
    }

    impl Turn {
        pub(super) fn new() -> Self {
            Self {
                mutex: Box::new(Mutex::new(())),
                held: UnsafeCell::new(None),
            }
        }

        pub(super) fn take(&self) {
            let guard = self.mutex.lock().expect("no model panics in a section");
            // SAFETY: the mutex is on the heap, and the guard goes before it: `give` precedes every drop of the lock.
            let guard = unsafe {
                std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard)
            };
            // SAFETY: only the holder comes here.
            unsafe { *self.held.get() = Some(guard) };
        }

        pub(super) fn give(&self) {
            // SAFETY: only the holder comes here.
            let guard = unsafe { (*self.held.get()).take() };
            drop(guard);
        }
    }

    // SAFETY: the cell is the holder's.
    unsafe impl Sync for Turn {}
    // SAFETY: a guard is in the cell only while the lock is held, and then nobody moves it.
    unsafe impl Send for Turn {}
}

/// A value behind a [`RawSpin`].
pub(crate) struct Spin<T> {
    /// Held by whoever has a [`SpinGuard`].
    raw: RawSpin,
    /// Accessed only by the holder of `raw`, or through `&mut self`.
    value: SharedCell<T>,
}

// SAFETY: the lock lets one thread at a time reach the value, so sharing the lock only ever sends
// the value from one thread to another: `T: Send` suffices.
unsafe impl<T: Send> Sync for Spin<T> {}

impl<T> Spin<T> {
    sync::const_fn! {
        pub(crate) fn new(value: T) -> Self {
            Self { raw: RawSpin::new(), value: SharedCell::new(value) }
        }
    }

    /// Locks, waiting as long as it takes.
    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        let here = section::begin_here();
        self.raw.lock();
        self.guard(here)
    }

    #[cfg(test)]
    /// Locks if the lock is free.
    #[inline]
    #[must_use]
    pub(crate) fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        let here = section::begin_here();
        if self.raw.try_lock() {
            return Some(self.guard(here));
        }
        section::leave_here(&here);
        None
    }

    #[cfg(test)]
    /// Returns the value without locking: the exclusive borrow proves that nobody holds the lock.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` excludes every guard, each of which borrows the lock.
        unsafe { &mut *self.value.exclusive() }
    }

    /// Wraps an acquisition that just succeeded.
    #[inline]
    fn guard(&self, here: section::Here) -> SpinGuard<'_, T> {
        let value = self.value.exclusive();
        SpinGuard {
            raw: &self.raw,
            here,
            // SAFETY: the address of a field of `self` is not null.
            value: unsafe { NonNull::new_unchecked(value) },
        }
    }
}

/// The right to use a locked value; unlocks when dropped.
///
/// The pointer keeps the guard on its thread, and keeps `&T` from being shared through `&SpinGuard`
/// for a `T` that is only `Send`.
pub(crate) struct SpinGuard<'a, T> {
    raw: &'a RawSpin,
    /// The section of this hold.
    here: section::Here,
    value: NonNull<T>,
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, and its borrow is the only one (`deref_mut` takes
        // `&mut`).
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard was made by an acquisition, and no borrow of the value outlives it.
        unsafe { self.raw.unlock() }
        section::leave_here(&self.here);
    }
}

impl<T> SpinGuard<'_, T> {
    /// Unlocks, and goes on with the section: for what must follow before the goroutine may be preempted.
    #[inline]
    pub(crate) fn unlock(self) -> section::Inside {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: the guard was made by an acquisition, and is used up here.
        unsafe { this.raw.unlock() };
        section::adopt()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{RawSpin, Spin};

    #[test]
    fn a_held_lock_refuses_a_second_holder() {
        let lock = Spin::new(1);
        let mut guard = lock.lock();
        assert!(lock.try_lock().is_none());
        *guard += 1;
        drop(guard);
        assert_eq!(*lock.try_lock().expect("free"), 2);
    }

    #[test]
    fn get_mut_reaches_the_value_without_locking() {
        let mut lock = Spin::new(String::from("a"));
        lock.get_mut().push('b');
        assert_eq!(*lock.lock(), "ab");
    }

    #[test]
    fn unlock_admits_the_next_holder() {
        let raw = RawSpin::new();
        raw.lock();
        assert!(!raw.try_lock());
        // SAFETY: locked two lines above.
        unsafe { raw.unlock() };
        assert!(raw.try_lock());
    }

    #[test]
    fn a_panic_in_the_section_unlocks() {
        let lock = Spin::new(0);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("in the section");
        }));
        assert!(outcome.is_err());
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn contended_increments_are_all_counted() {
        let lock = Spin::new(0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        *lock.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 80_000);
    }

    #[test]
    fn a_waiter_outlives_a_holder_that_is_off_its_cpu() {
        let lock = Spin::new(false);
        let (held, is_held) = std::sync::mpsc::channel();
        let (go, may_go) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let lock = &lock;
            scope.spawn(move || {
                let mut guard = lock.lock();
                held.send(()).expect("the test listens");
                may_go.recv().expect("the test speaks");
                *guard = true;
            });
            is_held.recv().expect("the holder speaks");
            let waiter = scope.spawn(|| *lock.lock());
            go.send(()).expect("the holder listens");
            assert!(waiter.join().expect("no panic"));
        });
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::RawSpin;
    use crate::primitive::model::Plain;
    use crate::primitive::sync::{Ordering, yield_now};
    use loom::sync::Arc;
    use loom::thread;

    /// One section under the word alone.
    fn count(lock: &RawSpin, data: &Plain) {
        while !lock.try_lock() {
            // Tells the model that only another thread can make progress.
            yield_now();
        }
        data.set(data.get() + 1);
        lock.word.store(super::FREE, Ordering::Release);
    }

    #[test]
    fn sections_exclude_each_other_and_see_each_other() {
        loom::model(|| {
            let lock = Arc::new((RawSpin::new(), Plain::new()));
            let other = {
                let lock = lock.clone();
                thread::spawn(move || count(&lock.0, &lock.1))
            };
            count(&lock.0, &lock.1);
            other.join().unwrap();
            assert_eq!(lock.1.get(), 2);
        });
    }
}
