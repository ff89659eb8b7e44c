//! `csp::sync`: a file for each family of locks.
//!
//! One binary, because each is linked with everything below it.

mod mutex_condvar;
mod rwlock_once;
mod semaphore_pool;
mod waitgroup;
