//! `csp::sync`: a file for each family of locks, and the memory model that they keep.
//!
//! One binary, because each is linked with everything below it.

mod err_group;
mod memory_model;
mod mutex_condvar;
mod rwlock_once;
mod semaphore_pool;
mod waitgroup;
