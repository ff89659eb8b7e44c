//! `JoinHandle`: a goroutine's result, and the right to wait for it.
#![expect(unsafe_code, reason = "reads the result from the slot")]

use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::task::{Poll, Waker};
use std::thread;

use super::stored::Stored;
use crate::goroutine::{Goroutine, Reason, discard};
use crate::primitive::section;
use crate::sched;
use crate::wait::{FutureTask, Lease, Task};

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
pub struct JoinHandle<T> {
    raw: RawHandle<T>,
    /// Registered with the goroutine, once the handle has been polled.
    wait: Option<Lease>,
}

/// A handle without a bound on what the result borrows.
pub(super) struct RawHandle<T> {
    /// The slot is ours until `join` or `drop` frees it.
    g: &'static Goroutine,
    /// The result has been returned by a poll; the slot is still ours, because of number and name.
    taken: bool,
    result: PhantomData<T>,
}

// SAFETY: a handle moves a `T` to the thread that joins; the control block is shared by design.
unsafe impl<T: Send> Send for RawHandle<T> {}
// SAFETY: through a shared handle no `T` can be reached, only number, name and state.
unsafe impl<T: Send> Sync for RawHandle<T> {}

/// Who waits in `join`; on the waiter's stack.
struct Joiner(Task);

/// The lowest bit of a waiter's address: it is that of a `FutureTask`, which lives for ever.
const FUTURE: usize = 1;

impl<T> JoinHandle<T> {
    pub(super) fn new(g: &'static Goroutine) -> Self {
        Self {
            raw: RawHandle::new(g),
            wait: None,
        }
    }

    /// Waits for the goroutine's end and returns its result.
    ///
    /// # Errors
    ///
    /// If the goroutine panicked: the panic's payload.
    ///
    /// # Panics
    ///
    /// If the handle was polled as a future, and has returned the result already.
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
        self.raw.join()
    }

    /// Whether the goroutine has ended, so that `join` will not wait.
    pub fn is_finished(&self) -> bool {
        self.raw.is_finished()
    }

    /// The goroutine's number.
    pub fn id(&self) -> u64 {
        self.raw.g.id()
    }

    /// The goroutine's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.raw.g.name()
    }
}

impl<T> JoinHandle<T> {
    /// A poll of the future that a handle is; `lease` makes what it needs to wait.
    pub(crate) fn poll_end(
        &mut self,
        lease: fn() -> Lease,
        waker: &Waker,
    ) -> Poll<thread::Result<T>> {
        assert!(!self.raw.taken, "`JoinHandle` polled after completion");
        if !self.raw.is_finished() {
            match &self.wait {
                Some(lease) => lease.register(waker),
                None => {
                    // Kept only when it is complete: the waker's `clone` may panic.
                    let lease = lease();
                    lease.register(waker);
                    let address = ptr::from_ref(lease.task()).expose_provenance() | FUTURE;
                    // If not, the goroutine has ended, as is asked next.
                    let _ = self.raw.g.join().wait(address);
                    self.wait = Some(lease);
                }
            }
            if !self.raw.is_finished() {
                return Poll::Pending;
            }
        }
        self.wait = None;
        self.raw.taken = true;
        Poll::Ready(self.raw.take())
    }
}

// The result is in the goroutine's slot.
impl<T> Unpin for JoinHandle<T> {}

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
            taken: false,
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
        assert!(
            !self.taken,
            "`JoinHandle` joined after it was polled to completion"
        );
        if !self.is_finished() {
            Task::warm_up();
            let _inside = section::enter();
            let task = Task::current();
            let joiner = Joiner(task);
            if self
                .g
                .join()
                .wait(ptr::from_ref(&joiner).expose_provenance())
            {
                task.park(Reason::Join, at);
            }
        }
        let result = self.take();
        free(self.g);
        std::mem::forget(self);
        result
    }

    /// Lets go of the goroutine; its result if it has ended and nobody has taken it.
    pub(super) fn detach(self) -> Option<thread::Result<T>> {
        if self.taken {
            free(self.g);
            std::mem::forget(self);
            return None;
        }
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
        // the callers, or notes that the result is taken.
        unsafe { Stored::take(self.g.result()) }
    }
}

impl<T> Drop for RawHandle<T> {
    #[inline]
    fn drop(&mut self) {
        // The usual end of `go!` as a statement: nothing is taken, freed or dropped.
        if self.taken || self.g.join().detach() {
            self.drop_ended();
        }
    }
}

impl<T> RawHandle<T> {
    /// Drops the result, if nobody has taken it, and frees the slot. The goroutine has ended.
    #[cold]
    fn drop_ended(&mut self) {
        let result = (!self.taken).then(|| self.take());
        free(self.g);
        match result {
            Some(Err(payload)) => discard(payload),
            Some(Ok(value)) => drop(value),
            None => {}
        }
    }
}

/// Makes the goroutine that waits in `join` ready, or the thread; or has the future woken.
pub(super) fn wake(joiner: usize) {
    if joiner & FUTURE != 0 {
        let future = ptr::with_exposed_provenance::<FutureTask>(joiner & !FUTURE);
        // SAFETY: the address that `poll_end` registered; such tasks are never freed.
        Task::Future(unsafe { &*future }).ready();
        return;
    }
    let joiner = ptr::with_exposed_provenance::<Joiner>(joiner);
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
