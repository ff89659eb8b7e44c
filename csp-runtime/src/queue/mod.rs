//! Where runnable goroutines wait: a ring for each P, and queues for all.
//!
//! They hold bare pointers and never look behind them, except at the link that a list needs. They know nothing about
//! goroutines, so the models run them with numbered nodes.
//!
//! | file | what |
//! |---|---|
//! | `local` | a P's ring |
//! | `next` | what a P runs next |
//! | `blocks` | the queue of all Ps, which may be long |
//! | `global` | queues for all that are short: lists |

mod blocks;
mod global;
mod local;
mod next;

pub(crate) use blocks::{BlockQueue, Store};
pub(crate) use global::GlobalQueue;
pub(crate) use local::LocalQueue;
pub(crate) use next::NextSlot;
