//! The netpoller: tells which tasks can go on with their sockets.
//!
//! | file | what |
//! |---|---|
//! | `poller` | the one `mio::Poll`, and who polls it |
//! | `source` | a socket: events, deadlines, who waits |
//! | `slab` | where sources live, and tokens |
//! | `registration` | a socket's time here, from making to close and drop |
//! | `syscall` | two system calls that the standard library lacks |
//!
//! ```text
//!   net: call would block                                    scheduler: idle M, busy M, sysmon
//!        │ enlist: waiter into the source's list                  │ poll(deadline)
//!        ▼                                                        ▼
//!      parked ◀──────── ready(task) ◀──── unlink a waiter ◀──── events of the system
//! ```
//!
//! A socket is registered once, for both directions and edge-triggered, when it is made; a call is tried
//! first and waits only if it would have blocked. So a call that does not wait costs the bare system call
//! and a few loads, and no `epoll_ctl` is made between the first and the last.
//!
//! Nothing here calls the scheduler. [`poll`] hands out the tasks whose waits it ended, and the caller makes
//! them ready. It allocates nothing and sleeps at no lock: the loop of an M runs it.
//!
//! Why no wake-up is lost: `protocol::readiness` for the way from the call to the park, `source` for several
//! tasks at one socket. Why no event reaches the wrong socket: a token carries the generation of its
//! source, and events of an earlier one are ignored (`source`); the number of a descriptor in use is never
//! given to another socket (`registration`).

mod poller;
mod registration;
mod slab;
mod source;
mod syscall;

use mio::Token;

use crate::waitlist::Task;
use poller::Poller;

pub(crate) use registration::Registration;
pub(crate) use source::{Source, Way};

/// What the waker's events carry; no source has this place.
const WAKE: Token = Token(usize::MAX);

/// Whether any task waits for a socket: one relaxed load.
#[inline]
pub(crate) fn has_waiters() -> bool {
    source::waiters() > 0
}

/// How many tasks wait for a socket, or have been woken and not yet run.
pub(crate) fn waiters() -> usize {
    source::waiters()
}

/// Polls the system once. Blocks until `deadline`, in nanoseconds of the clock: 0 is not at all, `NEVER`
/// until an event or [`wake`]. May return early.
///
/// `called` is a last look, made when nobody else can poll any more, for a reason not to block: if it says so, the poll
/// is over. A [`wake`] before that look may have been spent on another thread's poll; one after it ends this one.
///
/// `ready` gets each task whose wait has ended, after all locks are released, and makes it ready.
///
/// False, at once, if another thread polls or there has never been a socket. Neither allocates nor sleeps
/// at a lock.
pub(crate) fn poll(
    deadline: u64,
    called: impl FnOnce() -> bool,
    ready: &mut dyn FnMut(Task),
) -> bool {
    Poller::get().is_some_and(|poller| poller.poll(deadline, called, ready))
}

/// Ends a blocked [`poll`] of another thread, or the next one, early. Async-signal-safe: writes to a
/// descriptor.
pub(crate) fn wake() {
    if let Some(poller) = Poller::get() {
        poller.wake();
    }
}

/// When the last poll ended, on the clock; 0 before the first. A hint.
pub(crate) fn last_poll() -> u64 {
    poller::last()
}

#[cfg(test)]
mod tests;
