//! Telling goroutines to stop: Go's package `context`.
//!
//! A [`Context`] is handed down from caller to callee, and from goroutine to goroutine. Whoever derives one from it can
//! cancel what was started with it, or give it a deadline; who works with it waits for [`done`](Context::done) beside
//! everything else. It carries values of the request as well, found by their type.
//!
//! ```
//! use csp::prelude::*;
//! use csp::context::ContextError;
//!
//! let (ctx, cancel) = Context::background().with_timeout(Duration::from_secs(3600));
//! let (tx, rx) = channel(0);
//! let worker = {
//!     let ctx = ctx.clone();
//!     go!({
//!         let mut sum = 0;
//!         loop {
//!             select! {
//!                 n = <-rx => match n {
//!                     Some(n) => sum += n,
//!                     None => return (sum, None), // there will be no more
//!                 },
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
//! A receive arm with the pattern `Some(n)` would be left out of the `select!` once `rx` is closed, and only
//! [`done`](Context::done) would remain: for ever, if the context is the background.
//!
//! # Pipelines
//!
//! A stage waits for the context where it receives *and* where it sends, because the next stage may have stopped already. If
//! that one has dropped its receiver, a send fails at once, and is just as much a reason to stop:
//!
//! ```
//! use csp::prelude::*;
//!
//! fn numbers(ctx: &Context) -> Receiver<u64> {
//!     let (tx, rx) = channel(0);
//!     go!(clone(ctx) => {
//!         for n in 0.. {
//!             select! {
//!                 sent = tx <- n => if sent.is_err() { return },
//!                 <-ctx.done() => return,
//!             }
//!         }
//!     });
//!     rx
//! }
//!
//! let (ctx, cancel) = Context::background().with_cancel();
//! let rx = numbers(&ctx);
//! assert_eq!(rx.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
//! cancel.cancel();
//! // It has stopped, or sends one more and stops then.
//! assert!(rx.iter().count() < 1_000_000);
//! ```
//!
//! # The tree
//!
//! Cancelling a context cancels all that were derived from it, with the same error and cause, and not those it was
//! derived from. The first to cancel wins, and what it said never changes. A derived context's deadline is never later
//! than that of the one it comes from.
//!
//! A deadline that has passed counts from that moment, whether anybody has looked or not: a later cancel, of the context or of one it
//! comes from, changes nothing. Whoever first looks, which may be any call with the context, starts the functions given to
//! [`after_func`](Context::after_func) of all contexts that end with it, and so may panic if no stack can be had.
//!
//! # What it costs
//!
//! A context that can be cancelled is one allocation, one with a deadline too: no timer runs for it, whoever waits looks at the
//! clock. Nothing leaks if [`CancelHandle::cancel`] is never called: a parent does not keep its children, and what nobody
//! can see or cancel any more is freed. So dropping a [`CancelHandle`] does *not* cancel; to cancel at the end of a block,
//! write `defer!{ cancel.cancel() }`. What does leak is a cycle: a function given to [`after_func`](Context::after_func)
//! that holds its own context, if that never ends.
//!
//! Contexts may be nested as deeply as memory allows: neither cancelling nor dropping recurs. But functions of
//! [`after_func`](Context::after_func) that own the last handle of the next context, and so on, are dropped within each
//! other, and many thousands of these exhaust a stack.
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
//! | a second `CancelFunc` returns when the first has | [`cancel`](CancelHandle::cancel) may return before the other has reached all derived contexts |
//! | `Context` is an interface that others may implement | a type; what others add goes into values, and [`after_func`](Context::after_func) joins trees |
//! | `context.DeadlineExceeded` is a `net.Error` with `Timeout` | [`ContextError`] becomes an [`io::Error`](std::io::Error) of the kind `TimedOut` |
//! | errgroup: `Cause(ctx)` is the group's first error | [`ErrGroup`](crate::ErrGroup) gives it to whoever waits, and to nobody else |

#[cfg(not(loom))]
mod after_func;
mod descent;
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
