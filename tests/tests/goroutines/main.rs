//! Goroutines by themselves: how they start and end, what is their own, the time, and what the runtime says of them.
//!
//! One binary, because each is linked with everything below it.

mod local;
mod runtime;
mod spawn;
mod time;
