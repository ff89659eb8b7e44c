//! What the process tells about its goroutines.
//!
//! | file | what |
//! |---|---|
//! | [`mod@dump`] | the list of all goroutines |
//! | `age` | how long, in words |
//! | [`metrics`](mod@metrics) | numbers about the scheduler |
//! | [`exit`] | the list as a process's last words |
//! | [`quit`] | the same when somebody sends SIGQUIT |

mod age;
mod dump;
mod exit;
mod metrics;
mod quit;

pub use dump::dump;
pub(crate) use exit::{after_panic as exit_after_panic, in_deadlock as exit_in_deadlock};
pub use metrics::{Metrics, metrics};
pub(crate) use quit::on_sigquit;
