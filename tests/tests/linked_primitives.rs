//! The tests of channels, `select!` and `csp::sync` as one program, for link-time optimisation.
//!
//! Mistakes about thread-locals show only where everything is optimised as a whole, and each program that is linked so
//! takes what is below it once more. So what runs goroutines in its own process is put together in this file and in
//! `linked_scheduler.rs`, behind the feature `linked`; without it each folder is a program of its own.

#[path = "channel/main.rs"]
mod channel;
#[path = "select/main.rs"]
mod select;
#[path = "sync/main.rs"]
mod sync;
