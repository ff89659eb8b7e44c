//! Protocols between threads, as state machines over one atomic word each.
//!
//! A file here says who may make which transition and when, and proves with a loom model that it
//! holds. It follows no pointer and calls nobody: whoever uses the word acts on what the transition
//! returned.
//!
//! | module | decides |
//! |---|---|
//! | [`ticket`] | which of several wakers ends a wait |
//! | [`idle`] | whether a new piece of work has to start another M |
//! | [`join`] | who frees a goroutine's slot, and who waits for its result |
//! | [`mutex`] | who holds a mutex, and who is woken for it |
//! | [`count`] | when a scope's owner goes on |
//! | [`group`] | when those who wait for a wait group go on, and who frees it |
//! | [`notice`] | whether a `block_on` parks, and who ends that |
//! | [`on_cpu`] | when a stack that was switched away from can be used |
//! | [`once`] | who runs an initialiser, and whether it has run |
//! | [`rwlock`] | who may hold a read-write lock |
//! | [`readiness`] | whether a task that found a socket not ready may park |

pub(crate) mod count;
pub(crate) mod group;
pub(crate) mod idle;
pub(crate) mod join;
pub(crate) mod mutex;
pub(crate) mod notice;
pub(crate) mod on_cpu;
pub(crate) mod once;
pub(crate) mod readiness;
pub(crate) mod rwlock;
pub(crate) mod seat;
pub(crate) mod ticket;
