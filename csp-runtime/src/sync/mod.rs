//! Synchronisation beside channels.

mod condvar;
#[cfg(not(loom))]
mod err_group;
#[cfg(not(loom))]
mod member;
mod mutex;
mod raw_mutex;
mod waitgroup;

pub use condvar::{Condvar, WaitTimeoutResult};
#[cfg(not(loom))]
pub use err_group::ErrGroup;
pub use mutex::{Mutex, MutexGuard};
pub use waitgroup::WaitGroup;

pub use std::sync::{Arc, Weak, atomic};
