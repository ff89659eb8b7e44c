//! Goroutines and the threads they run on: the one of their own, and the guard of a thread's own values.
//!
//! One binary, because each is linked with everything below it.

mod own_thread;
mod thread_local;
