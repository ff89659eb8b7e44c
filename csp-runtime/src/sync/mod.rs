//! Synchronisation beside channels.

mod barrier;
mod condvar;
#[cfg(not(loom))]
mod err_group;
mod lazy_lock;
mod line;
#[cfg(not(loom))]
mod member;
mod mutex;
mod once;
mod once_lock;
#[cfg(not(loom))]
mod pool;
mod raw_mutex;
mod rwlock;
mod semaphore;
mod waitgroup;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
#[cfg(not(loom))]
pub use err_group::ErrGroup;
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
#[cfg(not(loom))]
pub use pool::{OwnedPooled, Pool, Pooled};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use waitgroup::WaitGroup;

pub use std::sync::{Arc, Weak, atomic};
