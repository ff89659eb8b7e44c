//! Tasks that wait for one thing, and the list they stand in.
//!
//! - [`Task`] is who waits: a goroutine, a plain thread, or a future.
//! - [`Waiter`] is a node on the waiting task's own stack, linked into the [`WaitList`] of what it
//!   waits for.
//! - [`Wakes`] are those whose wait was ended under a lock, to be made ready after it.
//!
//! Parking and waking are the business of the layers above: what is here knows no scheduler.
//!
//! # Protocol
//!
//! ```text
//!   waiting task                          waking task
//!   lock; nothing there                   lock
//!   link the waiter; unlock               unlink a waiter, win its ticket if it is contested
//!   park                                  write value and outcome; unlock
//!   … woken: read the outcome             ready the task
//! ```
//!
//! A waiter is *exclusive* when only its list can end the wait: taking it out under the lock is
//! then enough. It is *contested* when several parties can: the other arms of a select, a
//! timeout. They race for the task's ticket, and only the winner may touch the waiter again or make
//! the task ready. Losers drop the waiter from their list and go on to the next.
//!
//! Invariants:
//! - A waiter in a list belongs to a task that is parked or about to park, and the task unlinks it
//!   under the list's lock before its stack frame ends. So a list never holds a dead waiter.
//! - A future does not park: its waiter lies in the future, which unlinks it under the list's lock when it is dropped. It
//!   may be gone as soon as that lock is free, even if it was won; so whoever wins it writes value and outcome under
//!   the lock, and keeps no pointer to it.
//! - Nobody is made ready under a lock of a channel.

#[cfg(not(loom))]
mod future;
#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod task;
mod waiter;
mod wakes;

#[cfg(not(loom))]
pub(crate) use future::{FutureTask, Lease, pop, push};
#[cfg(loom)]
pub(crate) use model::{Task, ThreadTask, push};
#[cfg(not(loom))]
pub(crate) use task::{Task, ThreadTask};
pub(crate) use waiter::{Outcome, WaitList, Waiter};
pub(crate) use wakes::Wakes;
