//! The public types: a context, and the right to cancel it.
//!
//! A context is two pointers, each into a structure of its own: the nearest node that can be cancelled, and the newest
//! value. Either may be missing; the background has neither.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::after_func::StopFunc;
use super::error::ContextError;
use super::tree::{Cause, Node};
use super::value::Value;
use crate::channel::{Receiver, never};
use crate::primitive::clock::{self, NEVER};

/// Says when to stop, by when, and what for; see [the module](crate::context).
///
/// Clones are the same context, and cheap.
#[derive(Clone)]
pub struct Context {
    /// What ends it; `None` if nothing does.
    node: Option<Arc<Node>>,
    /// What it carries.
    values: Option<Arc<Value>>,
}

/// Cancels a [`Context`], and all derived from it.
///
/// Clones cancel the same context. Dropping it cancels nothing.
#[derive(Clone)]
pub struct CancelHandle(Arc<Node>);

impl Context {
    /// Returns the context that is never done, has no deadline and no values: the root of all others.
    pub const fn background() -> Self {
        Self {
            node: None,
            values: None,
        }
    }

    /// Returns the same as [`background`](Self::background), for code that does not know yet which context to use.
    pub const fn todo() -> Self {
        Self::background()
    }

    /// Derives a context that can be cancelled.
    ///
    /// What is derived from a context that is done is done as well, with the same error and cause, whatever deadline it
    /// is given; this is so of all `with_…`.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::{Context, ContextError};
    ///
    /// let (parent, cancel) = Context::background().with_cancel();
    /// let (child, _) = parent.with_cancel();
    /// assert_eq!(child.err(), None);
    /// cancel.cancel();
    /// assert_eq!(child.err(), Some(ContextError::Canceled));
    /// ```
    pub fn with_cancel(&self) -> (Self, CancelHandle) {
        self.derive(NEVER, None)
    }

    /// Derives a context that is done after `timeout`, or when it is cancelled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::{Context, ContextError};
    /// use std::time::Duration;
    ///
    /// let (ctx, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert_eq!(ctx.done().recv(), None);
    /// assert_eq!(ctx.err(), Some(ContextError::DeadlineExceeded));
    /// ```
    pub fn with_timeout(&self, timeout: Duration) -> (Self, CancelHandle) {
        self.derive(clock::deadline(timeout), None)
    }

    /// As [`with_timeout`](Self::with_timeout), with the [`cause`](Self::cause) that the context has when its time is up.
    pub fn with_timeout_cause(
        &self,
        timeout: Duration,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Self, CancelHandle) {
        self.derive(clock::deadline(timeout), Some(cause.into().into()))
    }

    /// Derives a context that is done at `deadline`, or when it is cancelled before. If this one's deadline is earlier, it
    /// stays.
    pub fn with_deadline(&self, deadline: Instant) -> (Self, CancelHandle) {
        self.derive(nanoseconds(deadline), None)
    }

    /// As [`with_deadline`](Self::with_deadline), with the [`cause`](Self::cause) that the context has when its time is up.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::Context;
    /// use std::time::Instant;
    ///
    /// let (ctx, _) = Context::background().with_deadline_cause(Instant::now(), "lunch");
    /// assert_eq!(ctx.err().unwrap().to_string(), "context deadline exceeded");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "lunch");
    /// ```
    pub fn with_deadline_cause(
        &self,
        deadline: Instant,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> (Self, CancelHandle) {
        self.derive(nanoseconds(deadline), Some(cause.into().into()))
    }

    fn derive(&self, deadline: u64, late: Option<Cause>) -> (Self, CancelHandle) {
        let node = Node::new(self.node.as_ref(), deadline, late);
        let context = Self {
            node: Some(node.clone()),
            values: self.values.clone(),
        };
        (context, CancelHandle(node))
    }

    /// Derives a context that carries `value` as well. It hides an earlier one of the same type, so that a value that is
    /// not meant for everybody has a type of its own.
    ///
    /// The value need not be in an [`Arc`]: [`value`](Self::value) hands out an `Arc` of it. If `value` is an `Arc<T>`, that
    /// is its type, and `value::<T>()` does not find it.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::Context;
    ///
    /// struct User(&'static str);
    ///
    /// let ctx = Context::background().with_value(User("gopher")).with_value(7_u32);
    /// assert_eq!(ctx.value::<User>().unwrap().0, "gopher");
    /// assert_eq!(ctx.value::<u32>().as_deref(), Some(&7));
    /// assert!(ctx.value::<String>().is_none());
    /// ```
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Self {
        Self {
            node: self.node.clone(),
            values: Some(Value::new(value, self.values.clone())),
        }
    }

    /// Derives a context with the same values that is not done when this one is, and has no deadline.
    #[must_use]
    pub fn without_cancel(&self) -> Self {
        Self {
            node: None,
            values: self.values.clone(),
        }
    }

    /// Returns a channel that is closed once the context is done: an arm `<-ctx.done()` of a `select!`.
    ///
    /// Nothing is ever sent on it. It can be kept, cloned and given to other goroutines.
    ///
    /// An arm with a pattern that wants a value, as in `Some(_) = <-ctx.done()`, compiles and is never taken: write
    /// `<-ctx.done()`.
    pub fn done(&self) -> Receiver<()> {
        match &self.node {
            Some(node) => Receiver::from_done(node.clone()),
            None => never(),
        }
    }

    /// Returns why the context is done; `None` if it is not. Once there is an error, it stays the same.
    ///
    /// It takes no lock, and reads the clock only while a deadline is still to come: a loop may ask each time.
    pub fn err(&self) -> Option<ContextError> {
        self.node.as_ref()?.err()
    }

    /// Returns [`err`](Self::err) as a result, so that work under a context can ask `ctx.check()?` now and then.
    ///
    /// # Errors
    ///
    /// If the context is done.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::{Context, ContextError};
    ///
    /// fn sum(ctx: &Context, numbers: &[u32]) -> Result<u32, ContextError> {
    ///     let mut sum = 0;
    ///     for number in numbers {
    ///         ctx.check()?;
    ///         sum += number;
    ///     }
    ///     Ok(sum)
    /// }
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert_eq!(sum(&ctx, &[1, 2]), Ok(3));
    /// cancel.cancel();
    /// assert_eq!(sum(&ctx, &[1, 2]), Err(ContextError::Canceled));
    /// ```
    pub fn check(&self) -> Result<(), ContextError> {
        self.err().map_or(Ok(()), Err)
    }

    /// Returns the cause given by whoever cancelled it, or set its deadline; the error itself if none was given.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// assert!(ctx.cause().is_none());
    /// cancel.cancel_with("the client is gone");
    /// assert_eq!(ctx.err().unwrap().to_string(), "context canceled");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "the client is gone");
    /// ```
    pub fn cause(&self) -> Option<Arc<dyn Error + Send + Sync>> {
        let end = self.node.as_ref()?.look(Clone::clone)?;
        Some(end.cause.unwrap_or_else(|| Arc::new(end.err)))
    }

    /// Returns when the clock ends it: the earliest deadline of those it was derived from, and its own. One that is more
    /// than 30 years away is told as 30 years.
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = self.node.as_ref()?.deadline();
        (deadline < NEVER).then(|| clock::to_instant(deadline))
    }

    /// Returns the value of type `T`, the newest if there are several.
    pub fn value<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Value::find(self.values.as_ref())
    }

    /// Arranges for `f` to run in a goroutine of its own once the context is done; at once if it is.
    ///
    /// If the context has a deadline, one goroutine watches the clock for all such functions until the context is done or
    /// all of them were stopped.
    ///
    /// A function is kept until it runs or is stopped. So one that holds its own context, or a handle of it, keeps it
    /// alive as well: if that context never ends, neither is ever freed.
    ///
    /// # Panics
    ///
    /// If no stack can be had for a goroutine: then nothing has been arranged. For those started by a cancel, the cancel
    /// panics, after it has cancelled everything; for those started at a deadline, whoever first looks at the context.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let (tx, rx) = csp::channel(1);
    /// ctx.after_func(move || tx.send("cleaned up").unwrap());
    /// cancel.cancel();
    /// assert_eq!(rx.recv(), Some("cleaned up"));
    /// ```
    #[track_caller]
    pub fn after_func(&self, f: impl FnOnce() + Send + 'static) -> StopFunc {
        // What nothing ends runs nothing, but can be stopped.
        let node = match &self.node {
            Some(node) => node.clone(),
            None => Node::new(None, NEVER, None),
        };
        StopFunc::new(node, f, Location::caller())
    }
}

/// Instants beyond all bounds are the last moment before "never".
fn nanoseconds(deadline: Instant) -> u64 {
    clock::from_instant(deadline).min(NEVER - 1)
}

impl CancelHandle {
    /// Cancels the context, with [`ContextError::Canceled`], and all derived from it. Does nothing if it is done.
    ///
    /// It does not wait for anybody to stop. If two cancel at once, the one that does nothing may return before the
    /// other has reached the last of the derived contexts.
    pub fn cancel(&self) {
        self.0.cancel(None);
    }

    /// Cancels the context, and says why: the [`cause`](Context::cause) of it, and of all derived from it. Does nothing if
    /// it is done.
    pub fn cancel_with(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        self.0.cancel(Some(cause.into().into()));
    }
}

// A panic leaves the tree whole: no user code runs under its locks. Values are shared, and nobody can write to them.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}
impl UnwindSafe for CancelHandle {}
impl RefUnwindSafe for CancelHandle {}
impl UnwindSafe for StopFunc {}
impl RefUnwindSafe for StopFunc {}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("err", &self.err())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelHandle(..)")
    }
}
