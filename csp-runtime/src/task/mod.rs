//! Starting goroutines and waiting for their results.
//!
//! | file | what |
//! |---|---|
//! | `spawn` | from a closure to a runnable goroutine, and its first function |
//! | `stored` | a value in the slot, or boxed if it is large |
//! | `handle` | `JoinHandle` |
//! | `scope` | children that may borrow |
//! | `builder` | `Builder`: spawning with a name and a stack size |
//! | `panic` | what a goroutine's panic prints, and whether it ends the process |
//! | `overflow` | what a stack overflow prints |
//! | `defer` | running something at the end of a block |

mod builder;
mod defer;
mod handle;
mod overflow;
mod panic;
mod scope;
mod spawn;
mod stored;

pub use builder::Builder;
pub use defer::Defer;
pub use handle::JoinHandle;
pub(crate) use overflow::{at_limit as overflow_at_limit, install as install_overflow};
pub(crate) use panic::{exit_on_panic, panicked};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub(crate) use spawn::{
    After, Options, SpawnError, ensure_started, set_default_stack, spawn, spawn_with,
    start_or_panic,
};
