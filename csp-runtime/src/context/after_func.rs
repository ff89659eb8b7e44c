//! Functions that run once a context is done.
//!
//! A function is an action of the context's node. Its goroutine is started by whoever ends the node, and nobody waits
//! until then, with one exception: at a deadline nobody acts by himself. So a node with a deadline and functions has one
//! goroutine that watches the clock, started with the first function, and ended with the last, or with the context. If
//! there is no stack for it, the function that wanted it is taken out again, and the next one tries anew.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::tree::{Action, Node};
use crate::task::{Options, SpawnError, spawn};

/// Takes back what [`Context::after_func`](super::Context::after_func) has arranged. Dropping it changes nothing.
pub struct StopFunc {
    /// Kept, so that the function stays where its number is.
    node: Arc<Node>,
    /// The function's number in the node, until it is stopped; `None` if it was started at once.
    number: Option<usize>,
    /// Whether `stop` was called: the number may be somebody else's since.
    stopped: AtomicBool,
}

impl StopFunc {
    /// Arranges for `f` to run after the node has ended.
    pub(super) fn new(
        node: Arc<Node>,
        f: impl FnOnce() + Send + 'static,
        at: &'static Location<'static>,
    ) -> Self {
        let start = Box::new(move || start(f, at));
        // It may have ended by the clock, which nobody has noticed.
        let added = match node.err() {
            Some(_) => Err(start as Action),
            None => node.add(start),
        };
        let number = match added {
            Ok(number) => Some(number),
            Err(start) => {
                start();
                None
            }
        };
        let this = Self {
            node,
            number,
            stopped: AtomicBool::new(false),
        };
        if let Err(error) = this.watch(at) {
            this.stop();
            panic!("{error}");
        }
        this
    }

    /// Starts the goroutine that acts at the deadline, if one is needed.
    fn watch(&self, at: &'static Location<'static>) -> Result<(), SpawnError> {
        let Some(watch) = self.node.begin_watch() else {
            return Ok(());
        };
        let (node, watched) = (self.node.clone(), watch.clone());
        let started = spawn(options(at), move || node.watch(&watched, at));
        started
            .map(drop)
            .inspect_err(|_| self.node.end_watch(&watch))
    }

    /// Keeps the function from running. True if this call did; false if it has been or will be started, or was stopped
    /// before.
    ///
    /// It does not wait for a function that runs. Once the context is done it is too late, even if the function has yet to
    /// begin.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::context::Context;
    ///
    /// let (ctx, cancel) = Context::background().with_cancel();
    /// let stop = ctx.after_func(|| unreachable!("it was stopped"));
    /// assert!(stop.stop());
    /// assert!(!stop.stop());
    /// cancel.cancel();
    /// ```
    pub fn stop(&self) -> bool {
        let Some(number) = self.number else {
            return false;
        };
        // Only the first call may use the number.
        if self.stopped.swap(true, Ordering::Relaxed) {
            return false;
        }
        // Once the context is done, it is too late, also if nobody has noticed.
        self.node.err();
        self.node.remove(number).is_some()
    }
}

impl fmt::Debug for StopFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopFunc(..)")
    }
}

fn start(f: impl FnOnce() + Send + 'static, at: &'static Location<'static>) {
    spawn(options(at), f).unwrap_or_else(|error| panic!("{error}"));
}

fn options(site: &'static Location<'static>) -> Options {
    Options {
        name: None,
        stack: None,
        site,
        id: None,
    }
}
