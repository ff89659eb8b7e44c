//! `JoinHandle`: a goroutine's result, and the right to wait for it.
#![expect(unsafe_code, reason = "reads the result from the slot")]

use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::from_ref;
use std::thread;

use super::spawn::discard;
use super::stored::Stored;
use crate::goroutine::{Goroutine, Reason};
use crate::primitive::section;
use crate::sched;
use crate::wait::Task;

/// Owns the result of a goroutine started with `go!`.
///
/// Dropping it detaches the goroutine, which goes on by itself.
///
/// # Examples
///
/// ```
/// let handle = csp::go!({ 6 * 7 });
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
pub struct JoinHandle<T>(RawHandle<T>);

/// A handle without a bound on what the result borrows.
pub(super) struct RawHandle<T> {
    /// The slot is ours until `join` or `drop` frees it.
    g: &'static Goroutine,
    result: PhantomData<T>,
}

// SAFETY: a handle moves a `T` to the thread that joins; the control block is shared by design.
unsafe impl<T: Send> Send for RawHandle<T> {}
// SAFETY: through a shared handle no `T` can be reached, only number, name and state.
unsafe impl<T: Send> Sync for RawHandle<T> {}

/// Who waits in `join`; on the waiter's stack.
struct Joiner(Task);

impl<T> JoinHandle<T> {
    pub(super) fn new(g: &'static Goroutine) -> Self {
        Self(RawHandle::new(g))
    }

    /// Waits for the goroutine's end and returns its result.
    ///
    /// # Errors
    ///
    /// If the goroutine panicked: the panic's payload.
    ///
    /// # Examples
    ///
    /// ```
    /// let failed = csp::go!({ if true { panic!("no luck") } });
    /// let payload = failed.join().unwrap_err();
    /// assert_eq!(payload.downcast_ref::<&str>(), Some(&"no luck"));
    /// ```
    #[track_caller]
    pub fn join(self) -> thread::Result<T> {
        self.0.join()
    }

    /// Whether the goroutine has ended, so that `join` will not wait.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// The goroutine's number.
    pub fn id(&self) -> u64 {
        self.0.g.id()
    }

    /// The goroutine's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.0.g.name()
    }
}

// As for `std::thread::JoinHandle`.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish()
    }
}

impl<T> RawHandle<T> {
    pub(super) fn new(g: &'static Goroutine) -> Self {
        Self {
            g,
            result: PhantomData,
        }
    }

    pub(super) fn goroutine(&self) -> &'static Goroutine {
        self.g
    }

    pub(super) fn is_finished(&self) -> bool {
        self.g.join().is_done()
    }

    #[track_caller]
    pub(super) fn join(self) -> thread::Result<T> {
        let at = Location::caller();
        if !self.is_finished() {
            Task::warm_up();
            let _inside = section::enter();
            let task = Task::current();
            let joiner = Joiner(task);
            if self.g.join().wait(from_ref(&joiner).expose_provenance()) {
                task.park(Reason::Join, at);
            }
        }
        let result = self.take();
        free(self.g);
        std::mem::forget(self);
        result
    }

    /// Lets go of the goroutine; its result if it has ended.
    pub(super) fn detach(self) -> Option<thread::Result<T>> {
        let ended = self.g.join().detach();
        let result = ended.then(|| {
            let result = self.take();
            free(self.g);
            result
        });
        std::mem::forget(self);
        result
    }

    fn take(&self) -> thread::Result<T> {
        // SAFETY: the goroutine has ended and left its result for the one handle, which is used up by
        // the callers.
        unsafe { Stored::take(self.g.result()) }
    }
}

impl<T> Drop for RawHandle<T> {
    fn drop(&mut self) {
        let this = Self::new(self.g);
        match this.detach() {
            Some(Err(payload)) => discard(payload),
            Some(Ok(value)) => drop(value),
            None => {}
        }
    }
}

/// Makes the goroutine that waits in `join` ready, or the thread.
pub(super) fn wake(joiner: usize) {
    let joiner = std::ptr::with_exposed_provenance::<Joiner>(joiner);
    // SAFETY: the address that `join` registered; its task is parked until it is made ready here.
    let task = unsafe { (*joiner).0 };
    task.ready();
}

/// Gives an ended goroutine's slot back.
fn free(g: &'static Goroutine) {
    // It may have been stopped between the word that it has ended and its last switch.
    while !g.is_off_cpu() {
        sched::yield_now();
    }
    g.clear();
    sched::free_slot(g);
}
