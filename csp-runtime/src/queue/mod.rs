//! Where runnable goroutines wait: a ring for each P, and one list for all.
//!
//! Both hold bare pointers and never look behind them, except at the link a list needs. They know
//! nothing about goroutines, so the models run them with numbered nodes. What overflows from a ring,
//! or is taken from the list in one go, travels as a [`Fifo`](crate::primitive::list::Fifo).

mod global;
mod local;
mod next;

pub(crate) use global::GlobalQueue;
pub(crate) use local::LocalQueue;
pub(crate) use next::NextSlot;
