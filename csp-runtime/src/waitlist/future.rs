//! A future that waits, and the wakers that are to be called.
//!
//! [`FutureTask`] is to a pending future what `ThreadTask` is to a thread: it outlives the wait, because a waker that has
//! unlinked the future's waiter under a lock calls [`Task::ready`](super::Task) after it, when the future may be gone.
//! So it is never freed, but leased from a pool, and the late call meets either nobody or the next future, for which
//! it is one wake-up too many. Futures must bear that.
//!
//! A `Waker` is the user's code: it takes locks of the standard library, allocates, comes back to our own primitives.
//! A goroutine that readies a future may be inside a section, where none of that may happen, or past its end, when it
//! must not wait any more. So wakers are not called there; the task goes into a queue, and a goroutine that does nothing
//! else calls them one after the other.
//!
//! ```text
//!   whoever readies a future          the goroutine of the wakes
//!   queue: link the task              queue: unlink a task ──────▶ take its waker, call it
//!   the goroutine sleeps? ready it    none: sleep
//! ```
//!
//! Invariants:
//! - A task is in the queue at most once; being there means "will be woken after this moment".
//! - A waker is called and dropped outside every lock. It is taken out when it is called: who wants to be woken
//!   again puts one in, before it looks at what it waits for.
//! - Locks are taken in the order channel, queue, link; a task's waker has a lock of its own and holds no other.
//!
//! Rejected: calling the waker at the end of the section, which may be that of another goroutine, holding locks that
//! the waker wants.

use std::panic::{self, AssertUnwindSafe};
use std::task::Waker;

use super::Task;
use crate::goroutine::discard;
use crate::primitive::section::Inside;
use crate::primitive::spin::Spin;
use crate::primitive::sync::{AtomicBool, Ordering};
use crate::protocol::ticket::Ticket;

/// What a pending future needs to wait.
pub(crate) struct FutureTask {
    /// For contested waits, which no future has.
    pub(super) ticket: Ticket,
    /// Whom to wake: the last one who polled.
    waker: Spin<Option<Waker>>,
    /// Whether it is in the queue of wakes; changed under the queue's lock.
    queued: AtomicBool,
    /// The next in the queue of wakes; used under the queue's lock.
    next: Spin<Option<&'static FutureTask>>,
    /// The next in the pool; used under the pool's lock.
    spare: Spin<Option<&'static FutureTask>>,
}

/// Those that no future uses.
static POOL: Spin<Option<&'static FutureTask>> = Spin::new(None);

/// A task, for as long as one future uses it.
pub(crate) struct Lease(&'static FutureTask);

impl Lease {
    /// Takes a task from the pool, or makes one.
    pub(crate) fn take() -> Self {
        let mut pool = POOL.lock();
        if let Some(task) = *pool {
            *pool = *task.spare.lock();
            return Self(task);
        }
        drop(pool);
        Self(Box::leak(Box::new(FutureTask {
            ticket: Ticket::new(),
            waker: Spin::new(None),
            queued: AtomicBool::new(false),
            next: Spin::new(None),
            spare: Spin::new(None),
        })))
    }

    /// The task.
    pub(crate) fn task(&self) -> &'static FutureTask {
        self.0
    }

    /// Says whom to wake from now on. Before the look at what the future waits for, so that no wake-up falls between.
    pub(crate) fn register(&self, waker: &Waker) {
        let waker = waker.clone();
        let before = self.0.waker.lock().replace(waker);
        drop(before);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let waker = self.0.waker.lock().take();
        let mut pool = POOL.lock();
        *self.0.spare.lock() = pool.replace(self.0);
        drop(pool);
        drop(waker);
    }
}

impl FutureTask {
    /// Calls the waker, if there is one. Outside of sections; a panic of the waker ends here.
    pub(crate) fn wake(&self) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker
            && let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()))
        {
            discard(payload);
        }
    }
}

/// The queue of wakes.
struct Queue {
    first: Option<&'static FutureTask>,
    last: Option<&'static FutureTask>,
    /// The goroutine that empties the queue, when it sleeps.
    sleeper: Option<Task>,
}

static QUEUE: Spin<Queue> = Spin::new(Queue {
    first: None,
    last: None,
    sleeper: None,
});

/// Has the waker of a task called soon. The task returned is to be made ready, when no lock is held. Allowed in sections.
#[must_use]
pub(crate) fn push(task: &'static FutureTask) -> Option<Task> {
    let mut queue = QUEUE.lock();
    if !task.queued.swap(true, Ordering::Relaxed) {
        match queue.last.replace(task) {
            Some(last) => *last.next.lock() = Some(task),
            None => queue.first = Some(task),
        }
    }
    queue.sleeper.take()
}

/// For the goroutine that empties the queue: the next task, or, if there is none, whom to make ready has been noted and
/// the section in which to park has begun.
pub(crate) fn pop(current: fn() -> Task) -> Result<&'static FutureTask, (Task, Inside)> {
    let mut queue = QUEUE.lock();
    let Some(task) = queue.first else {
        let sleeper = current();
        queue.sleeper = Some(sleeper);
        return Err((sleeper, queue.unlock()));
    };
    queue.first = task.next.lock().take();
    if queue.first.is_none() {
        queue.last = None;
    }
    task.queued.store(false, Ordering::Relaxed);
    Ok(task)
}
