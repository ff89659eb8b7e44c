//! Who waits: a goroutine, a plain thread or a future, behind one type.

use std::cell::Cell;

use super::FutureTask;
use crate::goroutine::Goroutine;
use crate::primitive::parker::Parker;
use crate::primitive::spin::Spin;
use crate::protocol::ticket::Ticket;

/// A task that can wait and be woken.
#[derive(Clone, Copy)]
pub(crate) enum Task {
    Goroutine(&'static Goroutine),
    Thread(&'static ThreadTask),
    Future(&'static FutureTask),
}

/// What a plain thread needs to wait. Like a goroutine's control block it is never freed, so that a
/// late waker reads valid memory; a thread that ends leaves it to the next.
pub(crate) struct ThreadTask {
    /// Where the thread sleeps.
    pub(crate) parker: Parker,
    /// For contested waits.
    ticket: Ticket,
}

/// Left behind by threads that ended.
static SPARE: Spin<Vec<&'static ThreadTask>> = Spin::new(Vec::new());

/// A thread's own task, given back when the thread ends.
struct Lease(Cell<Option<&'static ThreadTask>>);

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            let mut room = Vec::new();
            loop {
                // Allocate without the lock.
                let mut spare = SPARE.lock();
                if spare.len() < spare.capacity() {
                    spare.push(task);
                    return;
                }
                if room.capacity() > spare.len() {
                    room.append(&mut spare);
                    core::mem::swap(&mut room, &mut spare);
                } else {
                    let wanted = 2 * spare.len() + 8;
                    drop(spare);
                    room = Vec::with_capacity(wanted);
                }
            }
        }
    }
}

thread_local! {
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

impl ThreadTask {
    /// The calling thread's own.
    ///
    /// Never inlined: the address of a thread-local on a goroutine's stack would tie it to its thread.
    #[cold]
    #[inline(never)]
    pub(crate) fn current() -> &'static Self {
        // After the thread's thread-locals are gone, each wait takes a task of its own; it is
        // leaked, which happens at most a few times in a thread's last moments.
        LEASE
            .try_with(Self::leased)
            .unwrap_or_else(|_| Self::take())
    }

    /// Makes the calling thread's own, if it has none yet. Never inlined, as `current`.
    #[cold]
    #[inline(never)]
    pub(crate) fn warm_up() {
        // In a thread's last moments there is nothing to keep it in: then each wait makes its own.
        let _ = LEASE.try_with(Self::leased);
    }

    fn leased(lease: &Lease) -> &'static Self {
        lease.0.get().unwrap_or_else(|| {
            let task = Self::take();
            lease.0.set(Some(task));
            task
        })
    }

    fn take() -> &'static Self {
        let spare = SPARE.lock().pop();
        spare.unwrap_or_else(|| {
            Box::leak(Box::new(Self {
                parker: Parker::new(),
                ticket: Ticket::new(),
            }))
        })
    }
}

impl Task {
    /// The future, if it is one: its waiter may go away as soon as the list's lock is free.
    #[inline]
    pub(crate) fn as_future(self) -> Option<&'static FutureTask> {
        match self {
            Self::Future(future) => Some(future),
            Self::Goroutine(_) | Self::Thread(_) => None,
        }
    }

    /// The ticket for which the parties that can end this task's wait compete.
    #[inline]
    pub(crate) fn ticket(&self) -> &'static Ticket {
        match *self {
            Self::Goroutine(g) => g.ticket(),
            Self::Thread(t) => &t.ticket,
            Self::Future(f) => &f.ticket,
        }
    }
}
