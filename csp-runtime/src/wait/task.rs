//! How a task waits and is woken.

use std::panic::Location;

use crate::goroutine::Reason;
use crate::primitive::clock::NEVER;
use crate::primitive::section;
use crate::protocol::ticket::{TIMEOUT, Wait};
use crate::sched::{self, current};
use crate::waitlist::{self, FutureTask, Task, ThreadTask, Wakes};

impl Task {
    /// The caller, about to wait. Call it before a waiter of this task becomes visible to others, in a section that
    /// lasts until the wait is over: a goroutine that is preempted in between would be in two queues.
    #[inline]
    pub(crate) fn current() -> Self {
        match current::goroutine() {
            Some(g) => {
                debug_assert_ne!(section::depth(), 0, "the wait is not protected");
                sched::bind_if_needed(g);
                Self::Goroutine(g)
            }
            None => Self::Thread(ThreadTask::current()),
        }
    }

    /// Begins an operation that may wait: lets others run first if sysmon has asked for it, and begins the section. On a
    /// plain thread, which has no sections, it does what [`warm_up`](Self::warm_up) does.
    #[inline(always)]
    pub(crate) fn enter() -> Option<current::Inside> {
        let inside = current::enter_operation();
        if inside.is_none() {
            ThreadTask::warm_up();
        }
        inside
    }

    /// As [`current`](Self::current), for a caller in a section.
    #[inline]
    pub(crate) fn current_by(inside: Option<&current::Inside>) -> Self {
        match inside.and_then(current::Inside::find_goroutine) {
            Some(g) => {
                sched::bind_if_needed(g);
                Self::Goroutine(g)
            }
            None => Self::Thread(ThreadTask::current()),
        }
    }

    /// As [`ready`](Self::ready), for a caller in a section.
    #[inline]
    pub(crate) fn ready_by(self, inside: Option<&current::Inside>) {
        match (self, inside) {
            (Self::Goroutine(g), Some(inside)) => inside.ready(g),
            (task, _) => task.ready(),
        }
    }

    /// Makes what a plain thread needs for its first wait, which takes memory: to be called before a
    /// lock is taken under which the task will be asked for.
    #[inline]
    pub(crate) fn warm_up() {
        if current::machine().is_none() {
            ThreadTask::warm_up();
        }
    }

    /// Waits until made ready. The task is the caller's own.
    #[inline]
    pub(crate) fn park(self, reason: Reason, at: &'static Location<'static>) {
        match self {
            Self::Goroutine(g) => sched::park(g, reason, at),
            Self::Thread(t) => t.parker.park(),
            Self::Future(_) => unreachable!("a future is polled"),
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
                let p = current::processor().expect("in a section a goroutine has a P");
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
                if self.ticket().claim(wait, TIMEOUT) {
                    return true;
                }
                // Somebody won just before and is about to wake us.
                t.parker.park();
                false
            }
            Self::Future(_) => unreachable!("a future is polled"),
        }
    }

    /// Ends the wait. The caller owns this wake-up: it took the waiter out of its list and won
    /// the ticket, if there was one.
    #[inline]
    pub(crate) fn ready(self) {
        match self {
            Self::Goroutine(g) => sched::ready(g),
            Self::Thread(t) => t.parker.unpark(),
            Self::Future(f) => wake(f),
        }
    }

    /// Waits until there are futures to wake, and wakes one: the life of the goroutine of the wakes.
    pub(crate) fn wake_next(at: &'static Location<'static>) {
        match waitlist::pop(Self::current) {
            Ok(future) => future.wake(),
            Err((task, inside)) => {
                task.park(Reason::Wakes, at);
                drop(inside);
            }
        }
    }
}

/// Wakes a future: at once from a plain thread, which holds no lock here and may do anything; from a goroutine,
/// which may be in a section, or past its end, through the goroutine of the wakes.
#[cold]
fn wake(future: &'static FutureTask) {
    if current::machine().is_none() {
        future.wake();
    } else if let Some(caller) = waitlist::push(future) {
        caller.ready();
    }
}

impl Wakes {
    /// Makes all of them ready, in order.
    pub(crate) fn ready(self) {
        self.each(&mut |task| task.ready());
    }
}
