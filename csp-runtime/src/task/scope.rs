//! Goroutines that may borrow from the function that starts them.
//!
//! The scope counts its children and does not return, normally or by unwinding, before the last has
//! ended; nothing can cut that wait short. (A library whose scope could be cancelled let children use
//! freed memory.) A child counts as ended after its result has been stored or dropped.
#![expect(unsafe_code, reason = "goroutines that borrow from a scope")]

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe, Location};
use std::thread;

use super::defer::Defer;
use super::handle::RawHandle;
use super::spawn::{After, Options, SpawnError, spawn_unchecked};
use crate::goroutine::{Reason, discard};
use crate::primitive::section;
use crate::primitive::spin::Spin;
use crate::protocol::count::{Count, Done};
use crate::wait::Task;

/// A scope to start goroutines in that may borrow; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    data: Data,
    /// Invariant in both lifetimes, so that neither can be shortened or stretched.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// What the children use of their scope.
struct Data {
    children: Count,
    /// Set by the owner before it says in `children` that it waits.
    owner: Cell<Option<Task>>,
    /// The first panic of a child that nobody joined.
    panic: Spin<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `owner` is written by the owner before `Count::wait` releases it, and read by the last
// child after `Count::done` has acquired it.
unsafe impl Sync for Data {}

/// A child's end of the scope.
struct Child<'scope>(&'scope Data);

impl After for Child<'_> {
    fn panicked(&self, payload: Box<dyn Any + Send>) {
        self.0.keep_panic(payload);
    }

    fn ended(self) {
        if self.0.children.done() == Done::WakeOwner {
            let owner = self.0.owner.get();
            owner
                .expect("an owner that waits has said who it is")
                .ready();
        }
    }
}

impl Data {
    fn keep_panic(&self, payload: Box<dyn Any + Send>) {
        let mut kept = self.panic.lock();
        if kept.is_none() {
            *kept = Some(payload);
            return;
        }
        drop(kept);
        discard(payload);
    }

    fn wait(&self, at: &'static Location<'static>) {
        Task::warm_up();
        let _inside = section::enter();
        let task = Task::current();
        self.owner.set(Some(task));
        if self.children.wait() {
            task.park(Reason::Scope, at);
        }
    }
}

/// Runs `f` with a scope, and returns its result once every goroutine started in the scope has
/// ended.
///
/// # Panics
///
/// With the panic of `f`, or else with the first panic of a child that was not joined.
///
/// # Examples
///
/// ```
/// use csp::{go, scope};
///
/// let words = ["to", "be", "or"];
/// let mut total = 0;
/// scope(|s| {
///     go!(in s, ref(words, mut total) => { *total = words.iter().map(|w| w.len()).sum() });
/// });
/// assert_eq!(total, 6);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let at = Location::caller();
    let scope = Scope {
        data: Data {
            children: Count::new(),
            owner: Cell::new(None),
            panic: Spin::new(None),
        },
        scope: PhantomData,
        env: PhantomData,
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.data.wait(at);
    let child = scope.data.panic.lock().take();
    match (result, child) {
        (Err(payload), child) => {
            if let Some(child) = child {
                discard(child);
            }
            panic::resume_unwind(payload)
        }
        (Ok(_), Some(payload)) => panic::resume_unwind(payload),
        (Ok(value), None) => value,
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts a goroutine that may borrow what outlives the scope.
    ///
    /// # Panics
    ///
    /// If no stack can be had for it.
    #[track_caller]
    pub fn go<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let options = Options {
            name: None,
            stack: None,
            site: Location::caller(),
            id: None,
        };
        self.spawn(options, f)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn spawn<F, T>(
        &'scope self,
        options: Options,
        f: F,
    ) -> Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.data.children.add();
        // If there will be no child, by an error or by a panic of a destructor, it has ended.
        let no_child = Defer::new(|| Child(&self.data).ended());
        // SAFETY: `scope` waits until the child has called `ended`, its last use of anything it
        // borrows, so that 'scope outlives it.
        let g = unsafe { spawn_unchecked(options, f, Child(&self.data)) }?;
        std::mem::forget(no_child);
        Ok(ScopedJoinHandle {
            raw: Some(RawHandle::new(g)),
            data: &self.data,
        })
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope(..)")
    }
}

/// Owns the result of a goroutine started in a [`Scope`].
///
/// Dropping it leaves the goroutine to the scope, which waits for it in any case.
pub struct ScopedJoinHandle<'scope, T> {
    /// `None` once it is used up.
    raw: Option<RawHandle<T>>,
    data: &'scope Data,
}

impl<T> ScopedJoinHandle<'_, T> {
    fn raw(&self) -> &RawHandle<T> {
        self.raw
            .as_ref()
            .expect("used up only by `join` and `drop`")
    }

    /// Waits for the goroutine's end and returns its result.
    ///
    /// # Errors
    ///
    /// If the goroutine panicked: the panic's payload; the scope then does not panic for it.
    #[track_caller]
    pub fn join(mut self) -> thread::Result<T> {
        let raw = self.raw.take().expect("used up only by `join` and `drop`");
        raw.join()
    }

    /// Whether the goroutine has ended, so that `join` will not wait.
    pub fn is_finished(&self) -> bool {
        self.raw().is_finished()
    }

    /// The goroutine's number.
    pub fn id(&self) -> u64 {
        self.raw().goroutine().id()
    }

    /// The goroutine's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.raw().goroutine().name()
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        if let Some(Some(Err(payload))) = self.raw.take().map(RawHandle::detach) {
            self.data.keep_panic(payload);
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish()
    }
}
