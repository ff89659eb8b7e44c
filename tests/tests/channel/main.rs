//! Channels: a file for each side of what they promise.
//!
//! One binary, because each is linked with everything below it.

mod bounded;
mod close;
mod order;
mod rendezvous;
mod timed;
mod types;
mod unbounded;
