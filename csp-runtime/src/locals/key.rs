//! `LocalKey`: a static that has a value in each goroutine.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::error::Error;
use std::fmt;
use std::ptr;
use std::rc::Rc;

use super::thread;
use crate::goroutine::{Found, Goroutine, Locals};
use crate::sched::current;

/// A goroutine-local: a static with a value of its own in every goroutine, made by [`local!`](crate::local).
///
/// The value is made at the goroutine's first use, and destroyed when the goroutine ends: on its stack, before
/// [`join`](crate::JoinHandle::join), a [`WaitGroup`](crate::WaitGroup) or a [`scope`](crate::scope()) sees the end,
/// and also after a panic. Values are destroyed in the reverse of the order in which they were made. A
/// destructor may wait, may use other locals, and may make new ones, which are destroyed in turn. If it panics,
/// the goroutine has panicked.
///
/// The arms of [`join!`](crate::join) and the children of a scope are goroutines and have values of their own;
/// a future that runs in [`block_on`](crate::block_on) has those of the goroutine that called it. On a plain
/// thread, the value is the thread's, for as long as the thread lives; whether it is destroyed in the thread that runs
/// `main` is not certain, as for `thread_local!`.
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

/// The value is being destroyed or has been: what [`LocalKey::try_with`] fails with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish_non_exhaustive()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl Error for AccessError {}

/// Whose values they are.
enum Table {
    Goroutine(&'static Goroutine),
    Thread(Rc<RefCell<Locals>>),
}

impl Table {
    #[inline]
    fn current() -> Result<Self, AccessError> {
        match current::goroutine() {
            Some(g) => Ok(Self::Goroutine(g)),
            None => thread::table().map(Self::Thread).ok_or(AccessError(())),
        }
    }

    #[inline]
    fn values(&self) -> &RefCell<Locals> {
        match self {
            Self::Goroutine(g) => g.locals(),
            Self::Thread(values) => values,
        }
    }
}

impl<T: 'static> LocalKey<T> {
    /// For `local!`.
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Self {
        Self { init }
    }

    /// Statics have different addresses.
    fn key(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// The caller's value, if it has been made.
    #[inline]
    fn find(&'static self) -> Result<Option<Rc<T>>, AccessError> {
        let found = Table::current()?.values().borrow().get(self.key());
        match found {
            Found::Value(value) => match value.downcast() {
                Ok(value) => Ok(Some(value)),
                Err(_) => unreachable!("the values of a key have its type"),
            },
            Found::Missing => Ok(None),
            Found::Destroyed => Err(AccessError(())),
        }
    }

    /// Makes the caller's value. If one was made meanwhile, by the initialiser itself, that is dropped, as in the
    /// standard library.
    fn make(&'static self, value: T) -> Result<Rc<T>, AccessError> {
        let value = Rc::new(value);
        let kept = Rc::clone(&value);
        // In a statement of its own: the borrow must have ended when the old value is dropped.
        let before = Table::current()?
            .values()
            .borrow_mut()
            .put(self.key(), kept);
        drop(before);
        Ok(value)
    }

    /// Calls `f` with the caller's value, which is made first if there is none yet.
    ///
    /// # Panics
    ///
    /// If the value is being destroyed or has been.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    ///
    /// csp::local!(static CALLS: Cell<u32> = Cell::new(0));
    ///
    /// CALLS.with(|calls| calls.set(7));
    /// let other = csp::go!({ CALLS.with(|calls| calls.get()) });
    /// assert_eq!(other.join().unwrap(), 0);
    /// assert_eq!(CALLS.get(), 7);
    /// ```
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => refused(error),
        }
    }

    /// Calls `f` with the caller's value, which is made first if there is none yet.
    ///
    /// # Errors
    ///
    /// If the value is being destroyed or has been.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        // The count of the `Rc` keeps the value where it is, whatever `f` does.
        let value = match self.find()? {
            Some(value) => value,
            None => self.make((self.init)())?,
        };
        Ok(f(&value))
    }

    /// Makes the value of `first` if there is none yet, or else calls `f`, as the `set` of the standard library.
    #[track_caller]
    fn set_with<V>(&'static self, value: V, first: fn(V) -> T, f: fn(&T, V)) {
        let done = self.find().and_then(|found| match found {
            Some(there) => {
                f(&there, value);
                Ok(())
            }
            None => self.make(first(value)).map(drop),
        });
        if let Err(error) = done {
            refused(error)
        }
    }
}

#[cold]
#[track_caller]
fn refused(error: AccessError) -> ! {
    panic!("cannot access a goroutine-local value during or after its destruction: {error:?}")
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value. The initialiser does not run, even if there was no value yet.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.set_with(value, Cell::new, Cell::set);
    }

    /// Returns a copy of the value.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value, leaving the default one.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the value, and returns the old one.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the value borrowed.
    ///
    /// # Panics
    ///
    /// If the value is mutably borrowed, and as [`with`](Self::with).
    #[track_caller]
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| {
            let value: Ref<'_, T> = cell.borrow();
            f(&value)
        })
    }

    /// Calls `f` with the value mutably borrowed.
    ///
    /// # Panics
    ///
    /// If the value is borrowed, and as [`with`](Self::with).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::RefCell;
    ///
    /// csp::local!(static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) });
    ///
    /// LOG.with_borrow_mut(|log| log.push("first"));
    /// assert_eq!(LOG.take(), ["first"]);
    /// ```
    #[track_caller]
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| {
            let mut value: RefMut<'_, T> = cell.borrow_mut();
            f(&mut value)
        })
    }

    /// Sets the value. The initialiser does not run, even if there was no value yet.
    ///
    /// # Panics
    ///
    /// If the value is borrowed, and as [`with`](Self::with).
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.set_with(value, RefCell::new, |cell, value| drop(cell.replace(value)));
    }

    /// Takes the value, leaving the default one.
    ///
    /// # Panics
    ///
    /// If the value is borrowed, and as [`with`](Self::with).
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces the value, and returns the old one.
    ///
    /// # Panics
    ///
    /// If the value is borrowed, and as [`with`](Self::with).
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}
