//! One call at a socket: trying, waiting, trying again.
//!
//! ```text
//!      ┌──▶ look: closed? ── yes ─▶ "use of closed network connection"
//!      │    deadline past? ─ yes ─▶ timed out
//!      │    the call ── success, error ──────▶ pass the baton on, if held; return
//!      │      │ would block: the baton is void
//!      │      ▼
//!      │    link a waiter, unless something has happened since the look
//!      │      │
//!      └──── park, until woken or the deadline
//! ```
//!
//! A wake-up says "look again", never "done": events are hints, deadlines change, sockets close. The baton
//! and why nothing is lost: see `netpoll::source` and `protocol::readiness`.

use std::io;
use std::panic::Location;
use std::ptr;

use super::socket::closed;
use crate::goroutine::Reason;
use crate::netpoll::{Source, Way};
use crate::primitive::clock::{self, NEVER};
use crate::primitive::section;
use crate::protocol::readiness::{Look, Seen};
use crate::sched;
use crate::wait::{Task, Waiter};

/// How long a call waits, beside what its socket says.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// When it gives up, in nanoseconds of the clock.
    until: u64,
    /// How long it waits at most before it tries again without an event.
    period: u64,
}

impl Patience {
    /// Until an event; the rule.
    pub(super) const UNTIL_READY: Self = Self {
        until: NEVER,
        period: NEVER,
    };

    /// For what the system never reports to be possible again: tries every millisecond.
    pub(super) const BLIND: Self = Self {
        until: NEVER,
        period: 1_000_000,
    };

    /// Until an event, at most until `deadline` on the clock.
    pub(super) const fn until(deadline: u64) -> Self {
        Self {
            until: deadline,
            period: NEVER,
        }
    }
}

/// A call on its way; see the module.
pub(super) struct Turn<'a> {
    source: &'a Source,
    way: Way,
    patience: Patience,
    /// Whether the timeout of the socket has been added to `patience`.
    waited: bool,
    /// Whether it must wake the next in line unless its call blocks.
    baton: bool,
}

impl<'a> Turn<'a> {
    #[inline]
    pub(super) fn new(source: &'a Source, way: Way, patience: Patience) -> Self {
        Self {
            source,
            way,
            patience,
            waited: false,
            baton: false,
        }
    }

    /// Before each try.
    ///
    /// # Errors
    ///
    /// If the socket is closed or its deadline is past.
    #[inline]
    pub(super) fn look(&self) -> io::Result<Seen> {
        let Look::Open(seen) = self.source.look(self.way) else {
            return Err(closed());
        };
        let deadline = self.source.deadline(self.way);
        // One that was taken away before it had passed ends nothing, however late this looks at the clock.
        let is_past = || deadline <= clock::now() && self.source.deadline(self.way) == deadline;
        if deadline != NEVER && is_past() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(seen)
    }

    /// After a try that would have blocked: waits for the next.
    ///
    /// # Errors
    ///
    /// If the wait timed out.
    #[cold]
    pub(super) fn wait(&mut self, seen: Seen, at: &'static Location<'static>) -> io::Result<()> {
        self.baton = false;
        if !self.waited {
            self.waited = true;
            let timeout = self.source.timeout(self.way);
            if timeout != NEVER {
                let until = clock::now().saturating_add(timeout).min(NEVER - 1);
                self.patience.until = self.patience.until.min(until);
            }
        }
        let until = self.patience.until.min(self.source.deadline(self.way));
        let mut wake_at = until;
        if self.patience.period != NEVER {
            wake_at = until.min(clock::now() + self.patience.period);
        }
        if self.park(seen, wake_at, at) && wake_at == until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Parks unless something has happened since the look. True if the deadline ended it.
    fn park(&mut self, seen: Seen, deadline: u64, at: &'static Location<'static>) -> bool {
        Task::warm_up();
        let waiter = Waiter::new();
        let _inside = section::enter();
        let linked = self.source.enlist(self.way, seen, &waiter, || {
            let task = Task::current();
            let contest = (deadline < NEVER).then(|| task.ticket().open());
            waiter.prepare(task, contest, 0, ptr::null_mut());
            (task, contest)
        });
        let Some((task, contest)) = linked else {
            return false;
        };
        if let Task::Thread(_) = task {
            sched::watch_net();
        }
        let timed_out = match contest {
            None => {
                task.park(Reason::IoWait, at);
                false
            }
            Some(wait) => {
                let timed_out = task.park_until(wait, deadline, Reason::IoWait, at);
                let _ = task.ticket().close(wait);
                timed_out
            }
        };
        self.baton = self.source.leave(self.way, &waiter, timed_out);
        timed_out
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.baton
            && let Some(task) = self.source.pass(self.way)
        {
            task.ready();
        }
    }
}
