//! `LazyLock`: a value that is made when it is first asked for.
#![expect(unsafe_code, reason = "shared access after the word says complete")]

use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::primitive::sync;
use crate::sync::Once;
use crate::sync::once::Poison;

/// A value that is made when it is first asked for.
///
/// It differs from [`std::sync::LazyLock`] in that goroutines park and do not block their threads. If making it panics,
/// every later use panics too.
///
/// # Examples
///
/// ```
/// use csp::sync::LazyLock;
///
/// static SQUARES: LazyLock<Vec<u32>> = LazyLock::new(|| (0..4).map(|n| n * n).collect());
///
/// assert_eq!(SQUARES[3], 9);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Written by whoever runs `once`; `Made`, and read only, once that is complete.
    state: UnsafeCell<State<T, F>>,
}

enum State<T, F> {
    /// Not asked for yet.
    Waiting(F),
    Made(T),
    /// Being made, or making it failed.
    Empty,
}

// SAFETY: the closure runs on one thread, the value is shared after that and may be dropped on another.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}

const POISON: Poison = Poison::Panic("LazyLock");

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    sync::const_fn! {
        /// Makes one whose value `f` will make.
        pub fn new(f: F) -> Self {
            Self { once: Once::new(), state: UnsafeCell::new(State::Waiting(f)) }
        }
    }

    /// Returns the value; the first caller makes it, and others wait for that. Dereferencing does the same.
    ///
    /// A call from within the closure waits for ever.
    ///
    /// # Panics
    ///
    /// If the closure panics, or has panicked.
    #[inline]
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        if !this.once.is_completed() {
            this.make();
        }
        // SAFETY: just seen, or done by `make`.
        unsafe { this.complete() }
    }

    /// Returns the value, making it if need be.
    ///
    /// # Panics
    ///
    /// As [`force`](Self::force).
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        Self::get_mut(this).expect("it has been made")
    }

    #[cold]
    #[track_caller]
    fn make(&self) {
        self.once.run(POISON, |_| {
            let state = self.state.get();
            // SAFETY: one runs, and nobody reads before it is complete.
            let taken = unsafe { mem::replace(&mut *state, State::Empty) };
            let State::Waiting(f) = taken else {
                unreachable!("it is made once");
            };
            let value = f();
            // SAFETY: as above.
            unsafe { *state = State::Made(value) };
        });
    }
}

impl<T, F> LazyLock<T, F> {
    /// Returns the value, if it has been made.
    pub fn get(this: &Self) -> Option<&T> {
        if this.once.is_completed() {
            // SAFETY: just seen.
            Some(unsafe { this.complete() })
        } else {
            None
        }
    }

    /// Returns the value, if it has been made.
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        match this.state.get_mut() {
            State::Made(value) => Some(value),
            State::Waiting(_) | State::Empty => None,
        }
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// `once` is complete.
    #[inline]
    unsafe fn complete(&self) -> &T {
        // SAFETY: once complete the cell is no longer written, and whoever has seen that sees the value.
        match unsafe { &*self.state.get() } {
            State::Made(value) => value,
            // SAFETY: `Made` was written before `once` was completed.
            State::Waiting(_) | State::Empty => unsafe { std::hint::unreachable_unchecked() },
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        Self::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_tuple("LazyLock");
        match Self::get(self) {
            Some(value) => text.field(value),
            None => text.field(&format_args!("<uninit>")),
        };
        text.finish()
    }
}
