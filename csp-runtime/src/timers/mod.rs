//! Deadlines of waiting goroutines: one heap for each P.
//!
//! The heap ends waits and says whom it woke; it does not make anybody ready. The scheduler does
//! that, so this layer calls nothing above it.

mod heap;
mod order;

pub(crate) use heap::{Sleeper, TimerHeap};
