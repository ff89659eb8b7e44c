//! `Mutex`: one goroutine at a time has the value.
#![expect(unsafe_code, reason = "a lock hands out references to what it guards")]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use super::raw_mutex::RawMutex;
use crate::primitive::clock;
use crate::primitive::sync::const_fn;

/// Gives one goroutine, or thread, at a time access to a value.
///
/// As [`std::sync::Mutex`], but whoever waits parks, so that its thread serves other goroutines; and without poisoning: a
/// panic while the mutex is locked unlocks it, and the next holder finds the value as it was left.
///
/// Free, it goes to whoever comes first. A goroutine that has waited for more than a millisecond makes it go in order until
/// the queue has caught up, so that nobody waits for ever. It is not reentrant: to lock it twice is a deadlock, and is
/// reported as one if nobody else is left to run. The algorithm is that of Go's `sync.Mutex`.
///
/// # Examples
///
/// ```
/// use csp::sync::{Arc, Mutex};
/// use csp::{WaitGroup, go};
///
/// let count = Arc::new(Mutex::new(0));
/// let wg = WaitGroup::new();
/// for _ in 0..10 {
///     go!(in wg, clone(count) => { *count.lock() += 1 });
/// }
/// wg.wait();
/// assert_eq!(*count.lock(), 10);
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    /// The holder's.
    value: UnsafeCell<T>,
}

// SAFETY: the mutex lets one task at a time reach the value, so sharing it only ever sends the value from one thread to
// another: `T: Send` suffices.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: whoever owns the mutex owns the value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

impl<T> Mutex<T> {
    const_fn! {
        /// Makes a mutex that is free.
        pub fn new(value: T) -> Self {
            Self { raw: RawMutex::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, waiting as long as it takes. The mutex is unlocked when the guard is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let names = csp::sync::Mutex::new(vec!["a"]);
    /// names.lock().push("b");
    /// assert_eq!(*names.lock(), ["a", "b"]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.raw.lock(Location::caller());
        MutexGuard::new(self)
    }

    /// Locks if it is possible at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = csp::sync::Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_none());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.raw.try_lock().then(|| MutexGuard::new(self))
    }

    /// Locks, waiting at most `timeout`; `None` if the time was up first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mutex = csp::sync::Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
    /// # drop(guard);
    /// ```
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        let deadline = clock::deadline(timeout);
        self.raw
            .lock_until(deadline, Location::caller())
            .then(|| MutexGuard::new(self))
    }

    /// Returns the value; no locking is needed, for the borrow is exclusive.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(guard) => text.field("data", &&*guard),
            None => text.field("data", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

// As for `std::sync::Mutex`; whoever catches a panic decides what the value is still worth.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// Access to a [`Mutex`]'s value; unlocks when dropped.
#[must_use = "the mutex is unlocked at once if the guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// Stays with its goroutine, as std's with its thread: others must not unlock.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives no more than `&T`.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// For a mutex that the caller has just locked.
    #[inline(always)]
    fn new(mutex: &'a Mutex<T>) -> Self {
        Self {
            mutex,
            _not_send: PhantomData,
        }
    }

    /// The mutex it is a guard of, for [`Condvar`](super::Condvar).
    pub(super) fn raw(&self) -> &'a RawMutex {
        &self.mutex.raw
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard's owner holds the mutex, and its borrow excludes `deref_mut`.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard's owner holds the mutex, and the guard is borrowed exclusively.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
