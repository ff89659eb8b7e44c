//! `OnceLock`: a value that is set once.
//!
//! The value is an `Option` and not bare memory: it is dropped by itself then, and its tag is never looked at once the
//! word says that it is complete.
#![expect(unsafe_code, reason = "shared access after the word says complete")]

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::primitive::sync;
use crate::sync::Once;
use crate::sync::once::Poison;

/// A value that is set once, and shared from then on.
///
/// It differs from [`std::sync::OnceLock`] in that goroutines park and do not block their threads.
///
/// # Examples
///
/// ```
/// use csp::prelude::*;
/// use csp::sync::OnceLock;
///
/// static CONFIG: OnceLock<String> = OnceLock::new();
///
/// let reader = go!(CONFIG.wait().len());
/// assert_eq!(CONFIG.get_or_init(|| "verbose".to_owned()), "verbose");
/// assert_eq!(CONFIG.set("quiet".to_owned()), Err("quiet".to_owned()));
/// assert_eq!(reader.join().unwrap(), 7);
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Written by whoever runs `once`; `Some`, and read only, once that is complete.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written by one while nobody reads, and then shared; it may be dropped on another thread than
// made it.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    sync::const_fn! {
        /// Makes one without a value.
        pub fn new() -> Self {
            Self { once: Once::new(), value: UnsafeCell::new(None) }
        }
    }

    /// Returns the value, if it has been set.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.once.is_completed() {
            // SAFETY: just seen.
            Some(unsafe { self.complete() })
        } else {
            None
        }
    }

    /// Returns the value, if it has been set.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Sets the value; if somebody is about to, waits for that.
    ///
    /// # Errors
    ///
    /// If it has been set already: `value` comes back.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("the closure runs once"));
        value.map_or(Ok(()), Err)
    }

    /// Returns the value; the first caller makes it with `f`, and others wait for that.
    ///
    /// If `f` panics, the next caller tries again. A call from within `f` waits for ever.
    #[inline]
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if !self.once.is_completed() {
            self.init(f);
        }
        // SAFETY: just seen, or done by `init`.
        unsafe { self.complete() }
    }

    #[cold]
    #[track_caller]
    fn init<F: FnOnce() -> T>(&self, f: F) {
        self.once.run(Poison::Ignore, |_| {
            let value = f();
            // SAFETY: one runs at a time, and nobody reads before it is complete.
            unsafe { *self.value.get() = Some(value) };
        });
    }

    /// Waits until the value has been set.
    #[inline]
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        // SAFETY: that is what we waited for.
        unsafe { self.complete() }
    }

    /// Returns the value, if it has been set.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it has been set; it can be set again then.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// `once` is complete.
    #[inline]
    unsafe fn complete(&self) -> &T {
        // SAFETY: once complete the cell is no longer written, and whoever has seen that sees the value.
        let value = unsafe { &*self.value.get() };
        // SAFETY: it was written before `once` was completed.
        unsafe { value.as_ref().unwrap_unchecked() }
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => text.field(value),
            None => text.field(&format_args!("<uninit>")),
        };
        text.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let lock = Self::new();
        let _ = lock.set(value);
        lock
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}
