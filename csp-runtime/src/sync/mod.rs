//! Synchronisation beside channels: the types of [`std::sync`] and of Go's `sync`, for goroutines and threads alike.
//!
//! Whoever waits parks, and its thread goes on with other goroutines; a plain thread sleeps. In the report of a deadlock each
//! wait has its own name. Locks give their guards directly: a panic unlocks, and nothing is poisoned but what is made once.
//!
//! | for | see |
//! |---|---|
//! | one at a time | [`Mutex`]; a change of what it guards: [`Condvar`] |
//! | many readers or one writer | [`RwLock`] |
//! | a limit on how many | [`Semaphore`] |
//! | doing something once | [`Once`], [`OnceLock`], [`LazyLock`] |
//! | waiting for others | [`WaitGroup`], [`ErrGroup`], [`Barrier`] |
//! | objects to use again | [`Pool`] |
//! | single words | [`atomic`] |
//!
//! ```
//! use csp::go;
//! use csp::sync::{Arc, Mutex};
//!
//! let scores = Arc::new(Mutex::new(vec![1]));
//! let adds = go!(clone(scores) => scores.lock().push(2));
//! adds.join().unwrap();
//! assert_eq!(*scores.lock(), [1, 2]);
//! ```

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
