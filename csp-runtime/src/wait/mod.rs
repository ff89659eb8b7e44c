//! The one way to block: whoever waits, a goroutine or a plain thread, waits here.
//!
//! - [`Task`] is who waits: it can be parked by itself and made ready by another.
//! - [`Waiter`] is a node on the waiting task's own stack, linked into the [`WaitList`] of what it
//!   waits for.
//! - [`Case`] is what `select` knows of a channel.
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
//! - Nobody is made ready under a lock of a channel.

mod case;
mod task;
mod waiter;

pub(crate) use case::{Case, Poll};
pub(crate) use task::Task;
pub(crate) use waiter::{Outcome, WaitList, Waiter, Wakes};
