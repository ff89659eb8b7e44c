//! What the process tells about its goroutines.

mod dump;

pub use dump::dump;
pub(crate) use dump::{exit_after_panic, exit_in_deadlock};
