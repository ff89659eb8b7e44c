//! The atomics of the runtime: the standard library's, or loom's when the models are built.
//!
//! A file whose protocol has a model takes its atomics, fences, spin hints and yields from here and
//! nowhere else. `RUSTFLAGS="--cfg loom"` then exchanges all of them at once, and the model runs
//! the very code that ships.
//!
//! Loom's constructors are not `const`, for each atomic registers itself with the running model.
//! The runtime needs `const` ones, because its shared words live in statics. [`const_fn!`] writes
//! such a constructor once and drops the `const` under loom.
//!
//! [`SharedCell`] is an `UnsafeCell` that tells loom about each exclusive access, so that a lock
//! with a missing `Acquire` or `Release` is found by the models and not by luck.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
#[cfg(not(loom))]
pub(crate) use std::{hint::spin_loop, thread::yield_now};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
#[cfg(loom)]
pub(crate) use loom::{hint::spin_loop, thread::yield_now};

/// Defines a function that is `const`, except under loom.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty $body:block) => {
        $(#[$attr])*
        #[cfg(not(loom))]
        $vis const fn $name($($arg: $ty),*) -> $ret $body

        $(#[$attr])*
        #[cfg(loom)]
        $vis fn $name($($arg: $ty),*) -> $ret $body
    };
}
pub(crate) use const_fn;

/// A cell whose owner guards it by a protocol of its own, checked for races under loom.
#[cfg(not(loom))]
pub(crate) struct SharedCell<T>(std::cell::UnsafeCell<T>);

/// A cell whose owner guards it by a protocol of its own, checked for races under loom.
#[cfg(loom)]
pub(crate) struct SharedCell<T>(loom::cell::UnsafeCell<T>);

impl<T> SharedCell<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// Returns the pointer, for a caller that has just gained exclusive access.
    ///
    /// Loom checks at this moment that every earlier exclusive access happens before this one.
    #[inline(always)]
    pub(crate) fn exclusive(&self) -> *mut T {
        #[cfg(not(loom))]
        {
            self.0.get()
        }
        #[cfg(loom)]
        {
            self.0.with_mut(|pointer| pointer)
        }
    }
}
