//! What the process tells about its goroutines.

mod dump;
mod metrics;

pub use dump::dump;
pub(crate) use dump::{exit_after_panic, exit_in_deadlock};
pub use metrics::{Metrics, metrics};
