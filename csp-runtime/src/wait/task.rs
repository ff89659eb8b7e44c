//! Who waits: a goroutine or a plain thread, behind one type.

use std::cell::Cell;
use std::panic::Location;

use crate::goroutine::{Goroutine, Reason};
use crate::primitive::clock::NEVER;
use crate::primitive::parker::Parker;
use crate::primitive::spin::Spin;
use crate::protocol::ticket::{TIMEOUT, Ticket, Wait};
use crate::sched::{self, current};

/// A task that can wait and be woken.
#[derive(Clone, Copy)]
pub(crate) enum Task {
    Goroutine(&'static Goroutine),
    Thread(&'static ThreadTask),
}

/// What a plain thread needs to wait. Like a goroutine's control block it is never freed, so that a
/// late waker reads valid memory; a thread that ends leaves it to the next.
pub(crate) struct ThreadTask {
    parker: Parker,
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
    fn current() -> &'static Self {
        // After the thread's thread-locals are gone, each wait takes a task of its own; it is
        // leaked, which happens at most a few times in a thread's last moments.
        LEASE
            .try_with(Self::leased)
            .unwrap_or_else(|_| Self::take())
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
    /// The caller, about to wait. Call it before a waiter of this task becomes visible to others.
    #[inline]
    pub(crate) fn current() -> Self {
        match current::goroutine() {
            Some(g) => {
                sched::bind_if_needed(g);
                Self::Goroutine(g)
            }
            None => Self::Thread(ThreadTask::current()),
        }
    }

    /// Makes what a plain thread needs for its first wait, which takes memory: to be called before a
    /// lock is taken under which the task will be asked for.
    #[inline]
    pub(crate) fn warm_up() {
        if current::machine().is_none() {
            // In a thread's last moments there is nothing to keep it in: then each wait makes its own.
            let _ = LEASE.try_with(ThreadTask::leased);
        }
    }

    /// The ticket for which the parties that can end this task's wait compete.
    #[inline]
    pub(crate) fn ticket(&self) -> &'static Ticket {
        match *self {
            Self::Goroutine(g) => g.ticket(),
            Self::Thread(t) => &t.ticket,
        }
    }

    /// Waits until made ready. The task is the caller's own.
    #[inline]
    pub(crate) fn park(self, reason: Reason, at: &'static Location<'static>) {
        match self {
            Self::Goroutine(g) => sched::park(g, reason, at),
            Self::Thread(t) => t.parker.park(),
        }
    }

    /// Waits until made ready by whoever won the ticket of `wait`, or until `deadline` (in
    /// nanoseconds of the monotonic clock), when `TIMEOUT` wins it. True if it timed out.
    pub(crate) fn park_until(
        self,
        wait: Wait,
        deadline: u64,
        reason: Reason,
        at: &'static Location<'static>,
    ) -> bool {
        if deadline == NEVER {
            self.park(reason, at);
            return false;
        }
        match self {
            Self::Goroutine(g) => {
                let p = current::processor().expect("a running goroutine has a P");
                p.timers.insert(deadline, wait, g.as_ptr());
                sched::park(g, reason, at);
                let timed_out = g.ticket().winner(wait) == Some(TIMEOUT);
                if !timed_out {
                    p.timers.note_stale();
                }
                timed_out
            }
            Self::Thread(t) => {
                if t.parker.park_until(deadline) {
                    return false;
                }
                if t.ticket.claim(wait, TIMEOUT) {
                    return true;
                }
                // Somebody won just before and is about to wake us.
                t.parker.park();
                false
            }
        }
    }

    /// Ends the wait. The caller owns this wake-up: it took the waiter out of its list and won
    /// the ticket, if there was one.
    #[inline]
    pub(crate) fn ready(self) {
        match self {
            Self::Goroutine(g) => sched::ready(g),
            Self::Thread(t) => t.parker.unpark(),
        }
    }
}
