//! Functions that run once a context is done.
//!
//! A function is an action of the context's node. Its goroutine is started by whoever ends the node, and nobody waits
//! until then, with one exception: at a deadline nobody acts by himself. So a node with a deadline and functions has one
//! goroutine that watches the clock, started with the first function, and ended with the last, or with the context.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::tree::{Action, Node};
use crate::task::{Options, spawn};

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
        let added = match node.look(|_| ()) {
            Some(()) => Err(start as Action),
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
        this.watch(at);
        this
    }

    /// Starts the goroutine that acts at the deadline, if one is needed.
    fn watch(&self, at: &'static Location<'static>) {
        if let Some(watch) = self.node.begin_watch() {
            let node = self.node.clone();
            start(move || node.watch(&watch, at), at);
        }
    }

    /// Keeps the function from running. True if this call did; false if it has been started, or was stopped before.
    ///
    /// It does not wait for a function that runs.
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
        self.node.look(|_| ());
        self.node.remove(number).is_some()
    }
}

impl fmt::Debug for StopFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopFunc(..)")
    }
}

fn start(f: impl FnOnce() + Send + 'static, site: &'static Location<'static>) {
    let options = Options {
        name: None,
        stack: None,
        site,
        id: None,
    };
    spawn(options, f).unwrap_or_else(|error| panic!("{error}"));
}
