//! What nearly every program wants: `use csp::prelude::*;`.
//!
//! `csp::main` and `csp::test` are left out, because they would shadow the built-in names.

pub use crate::channel::{
    Receiver, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError, TrySendError,
    channel, never, unbounded,
};
pub use crate::context::Context;
pub use crate::select::Select;
pub use crate::sync::{ErrGroup, WaitGroup};
pub use crate::task::{JoinHandle, Scope, scope};
pub use crate::time::after;
pub use crate::{defer, go, join, local, select};
pub use std::time::Duration;
