//! `RwLock`: a value that many may read or one may write.
//!
//! The lock proper is in [`raw`]; here are the value and the guards, which are shaped as the standard library's.
#![expect(unsafe_code, reason = "a lock hands out references to what it guards")]

#[cfg(all(test, loom))]
mod model;
mod raw;

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::time::Duration;

use raw::Raw;

use crate::primitive::sync;

/// A value that any number may read at once, or one write.
///
/// It is fair to both sides, as Go's `RWMutex`: once a writer waits, new readers wait behind it; and when a writer is
/// done, all readers that wait at that moment go before the next writer. So a goroutine that reads must not read again
/// before it has given the first guard back: if a writer came in between, both wait for ever.
///
/// There is no poisoning: a panic gives the lock back. A guard may be kept across calls that wait, and belongs to the
/// goroutine that has it.
///
/// # Examples
///
/// ```
/// use csp::sync::RwLock;
///
/// static PRICES: RwLock<Vec<u32>> = RwLock::new(Vec::new());
///
/// PRICES.write().push(3);
/// let (one, other) = (PRICES.read(), PRICES.read());
/// assert_eq!(one[0], other[0]);
/// assert!(PRICES.try_write().is_none());
/// ```
pub struct RwLock<T: ?Sized> {
    raw: Raw,
    /// Guarded by `raw`.
    value: UnsafeCell<T>,
}

// SAFETY: the lock sends the value from thread to thread with the right to write, and several may read at once.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

/// The right to read the value of an [`RwLock`]; given back when dropped.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    /// A pointer, for the value may change as soon as `drop` has given the lock back. It keeps the guard on its thread.
    value: NonNull<T>,
    raw: &'a Raw,
}

/// The right to write the value of an [`RwLock`]; given back when dropped.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    /// As in [`RwLockReadGuard`].
    value: NonNull<T>,
    raw: &'a Raw,
    /// Invariant in `T`, as any exclusive borrow.
    _borrow: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard gives `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}
// A value seen after a panic is no worse than what the next holder sees: there is no poisoning.
impl<T: ?Sized> UnwindSafe for RwLockWriteGuard<'_, T> {}
impl<T: ?Sized> RefUnwindSafe for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    sync::const_fn! {
        /// Makes a lock that nobody holds.
        pub fn new(value: T) -> Self {
            Self { raw: Raw::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Returns the value; nobody holds the lock, as it is owned.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until the value can be read.
    ///
    /// # Panics
    ///
    /// If there are too many readers to be counted: on 64-bit machines 2^60.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.raw.read();
        self.reading()
    }

    /// Waits until the value can be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::prelude::*;
    /// use csp::sync::RwLock;
    ///
    /// let total = RwLock::new(0);
    /// scope(|s| {
    ///     for i in 1..=4 {
    ///         let total = &total;
    ///         go!(in s => { *total.write() += i });
    ///     }
    /// });
    /// assert_eq!(total.into_inner(), 10);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.raw.write();
        self.writing()
    }

    /// Returns the value for reading, unless somebody writes or waits to.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.raw.try_read().then(|| self.reading())
    }

    /// Returns the value for writing, unless somebody reads, writes or waits.
    #[inline]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.raw.try_write().then(|| self.writing())
    }

    /// Waits until the value can be read, but not longer than `timeout`. Zero is a mere try.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        self.raw.read_timeout(timeout).then(|| self.reading())
    }

    /// Waits until the value can be written, but not longer than `timeout`. Zero is a mere try.
    ///
    /// A writer that gives up lets those in whom only it kept out.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::sync::RwLock;
    /// use std::time::Duration;
    ///
    /// let lock = RwLock::new(1);
    /// let reading = lock.read();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_none());
    /// assert!(lock.try_read().is_some());
    /// drop(reading);
    /// assert!(lock.write_timeout(Duration::MAX).is_some());
    /// ```
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        self.raw.write_timeout(timeout).then(|| self.writing())
    }

    /// Returns the value without locking: the exclusive borrow proves that nobody holds the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The guard of a caller that has just come in.
    #[inline]
    fn reading(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard {
            // SAFETY: the address of a field is not null.
            value: unsafe { NonNull::new_unchecked(self.value.get()) },
            raw: &self.raw,
        }
    }

    /// The guard of a caller that has just come in.
    #[inline]
    fn writing(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard {
            // SAFETY: the address of a field is not null.
            value: unsafe { NonNull::new_unchecked(self.value.get()) },
            raw: &self.raw,
            _borrow: PhantomData,
        }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Turns the right to write into the right to read, with no writer in between. Readers that wait come in too.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writing = lock.write();
    /// *writing = 2;
    /// let reading = RwLockWriteGuard::downgrade(writing);
    /// assert_eq!((*reading, *lock.read()), (2, 2));
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let (value, raw) = (this.value, this.raw);
        // The lock goes over to the other guard.
        mem::forget(this);
        raw.downgrade();
        RwLockReadGuard { value, raw }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has a share of reading, which keeps writers out.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the right to write, and `deref_mut` needs it exclusively.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the right to write and is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock_read();
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.unlock_write();
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("RwLock");
        match self.try_read() {
            Some(value) => text.field("data", &&*value),
            None => text.field("data", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
