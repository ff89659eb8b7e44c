//! How a task waits and is woken, in a model: as a plain thread does.

use std::panic::Location;

use crate::goroutine::Reason;
use crate::primitive::clock::NEVER;
use crate::protocol::ticket::{TIMEOUT, Wait};
use crate::sched::current;
use crate::waitlist::{Task, ThreadTask, Wakes};

impl Task {
    /// The caller, about to wait.
    pub(crate) fn current() -> Self {
        Self(ThreadTask::current())
    }

    /// Nothing to make, and no section.
    pub(crate) fn enter() -> Option<current::Inside> {
        None
    }

    /// As `current`.
    pub(crate) fn current_by(_: Option<&current::Inside>) -> Self {
        Self::current()
    }

    /// As `ready`.
    pub(crate) fn ready_by(self, _: Option<&current::Inside>) {
        self.ready();
    }

    /// Nothing to make.
    pub(crate) fn warm_up() {}

    /// Waits until made ready.
    pub(crate) fn park(self, _: Reason, _: &'static Location<'static>) {
        self.0.parker.park();
    }

    /// Waits until made ready, or until the deadline wins, which it tries at once: loom puts this moment wherever it may
    /// fall.
    pub(crate) fn park_until(
        self,
        wait: Wait,
        deadline: u64,
        _: Reason,
        _: &'static Location<'static>,
    ) -> bool {
        if deadline < NEVER && self.ticket().claim(wait, TIMEOUT) {
            return true;
        }
        self.0.parker.park();
        false
    }

    /// Ends the wait.
    pub(crate) fn ready(self) {
        self.0.parker.unpark();
    }
}

impl Wakes {
    /// Makes all of them ready, in order.
    pub(crate) fn ready(self) {
        self.each(&mut |task| task.ready());
    }
}
