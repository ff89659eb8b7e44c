//! Synchronisation beside channels.

mod condvar;
#[cfg(not(loom))]
mod member;
mod mutex;
mod raw_mutex;
mod waitgroup;

pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{Mutex, MutexGuard};
pub use waitgroup::WaitGroup;

pub use std::sync::{Arc, Weak, atomic};
