//! Telling goroutines to stop: Go's package `context`.
//!
//! A [`Context`] is handed down from caller to callee, and from goroutine to goroutine. Whoever derives one from it can
//! cancel what was started with it, or give it a deadline; who works with it waits for [`done`](Context::done) beside
//! everything else. It carries values of the request as well, found by their type.
//!
//! ```
//! use csp::prelude::*;
//! use csp::context::{Context, ContextError};
//!
//! let (ctx, cancel) = Context::background().with_timeout(Duration::from_secs(3600));
//! let (tx, rx) = channel(0);
//! let worker = {
//!     let ctx = ctx.clone();
//!     go!({
//!         let mut sum = 0;
//!         loop {
//!             select! {
//!                 Some(n) = <-rx => sum += n,
//!                 <-ctx.done() => return (sum, ctx.err()),
//!             }
//!         }
//!     })
//! };
//! for n in 1..=3 {
//!     tx.send(n).unwrap();
//! }
//! cancel.cancel();
//! assert_eq!(worker.join().unwrap(), (6, Some(ContextError::Canceled)));
//! ```
//!
//! # The tree
//!
//! Cancelling a context cancels all that were derived from it, with the same error and cause, and not those it was
//! derived from. The first to cancel wins, and what it said never changes. A derived context's deadline is never later
//! than that of the one it comes from.
//!
//! # What it costs
//!
//! A context that can be cancelled is one allocation, one with a deadline too: no timer runs for it, whoever waits looks at the
//! clock. Nothing leaks if [`CancelHandle::cancel`] is never called: a parent does not keep its children, and what nobody
//! can see or cancel any more is freed. So dropping a [`CancelHandle`] does *not* cancel; to cancel at the end of a block,
//! write `defer!{ cancel.cancel() }`.
//!
//! # How it differs from Go's
//!
//! | Go | here |
//! |---|---|
//! | `ctx.Done()` is nil for `Background` | [`done`](Context::done) is [`never`](crate::never()) |
//! | `WithValue(ctx, key, value)`, `ctx.Value(key)` | [`with_value(value)`](Context::with_value), [`value::<T>()`](Context::value): the type is the key |
//! | `WithCancelCause` | every [`CancelHandle`] has [`cancel_with`](CancelHandle::cancel_with) |
//! | `Cause(ctx)` | [`cause`](Context::cause) |
//! | `CancelFunc` must be called | it may be |

#[cfg(not(loom))]
mod after_func;
mod error;
#[cfg(not(loom))]
mod handle;
#[cfg(all(test, loom))]
mod model;
mod slab;
mod tree;
#[cfg(not(loom))]
mod value;

#[cfg(not(loom))]
pub use after_func::StopFunc;
pub use error::ContextError;
#[cfg(not(loom))]
pub use handle::{CancelHandle, Context};
