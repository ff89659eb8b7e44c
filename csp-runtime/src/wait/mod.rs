//! The one way to block: whoever waits, a goroutine or a plain thread, waits here.
//!
//! - [`Task`] is who waits: it can be parked by itself and made ready by another.
//! - [`Waiter`] and [`WaitList`] are those of [`waitlist`](crate::waitlist), whose protocol this is.
//! - [`Case`] is what `select` knows of a channel.

mod case;
#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod task;

#[cfg(not(loom))]
pub(crate) use crate::waitlist::{FutureTask, Lease};
pub(crate) use crate::waitlist::{Outcome, Task, WaitList, Waiter, Wakes};
pub(crate) use case::{Case, Poll};
