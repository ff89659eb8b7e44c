//! The way down: what a node leaves when it ends, and how all below it follows.
//!
//! Ending goes through lists and not through calls, for a chain of contexts may be longer than a stack is deep. All are
//! ended before the first function is started.
//!
//! Destructors of users run on the way: of a cause that nobody else holds any more, of what a function has captured. One
//! that panics must not leave a part of the tree open. So the way is kept outside of what may panic, and is taken up again
//! where it was left; the first panic goes on at the end.

use std::any::Any;
use std::mem;
#[cfg(loom)]
use std::mem::drop as discard;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Weak;
use std::vec;

use super::slab::Slab;
use super::tree::{Action, By, End, Finish, Node};
#[cfg(not(loom))]
use crate::goroutine::discard;

/// What a node that has ended leaves to whoever has ended it.
pub(super) struct Left {
    /// To be ended.
    pub(super) children: Slab<Weak<Node>>,
    /// To be done.
    pub(super) actions: Slab<Action>,
    /// How the node has ended.
    pub(super) end: End,
}

/// A walk through all that is below one node.
struct Descent {
    /// The children at hand, still to be ended.
    children: vec::IntoIter<Weak<Node>>,
    /// How their parent has ended.
    end: End,
    /// Left by nodes that have ended, except for their actions.
    pending: Vec<Left>,
    /// To be done when all have ended.
    due: Vec<Action>,
}

impl Left {
    /// Ends all children, and theirs, and then does what is to be done.
    pub(super) fn see_to(self) {
        let mut panics = Panics(None);
        let mut descent = Descent {
            children: self.children.into_values().collect::<Vec<_>>().into_iter(),
            end: self.end,
            pending: Vec::new(),
            due: self.actions.into_values().collect(),
        };
        while !panics.hold(|| descent.walk()) {}
        let Descent { end, due, .. } = descent;
        panics.hold(|| drop(end));
        for action in due {
            panics.hold(action);
        }
        panics.go_on();
    }
}

impl Descent {
    /// Goes on until nothing is left. After a panic it can be called again: nothing is lost, and nothing done twice.
    fn walk(&mut self) {
        loop {
            for child in self.children.by_ref() {
                let Some(child) = child.upgrade() else {
                    continue;
                };
                if let Finish::First(mut left) = child.finish(child.follow(&self.end), By::Other) {
                    self.due.extend(left.actions.take().into_values());
                    if !left.children.is_empty() {
                        self.pending.push(left);
                    }
                }
            }
            let Some(next) = self.pending.pop() else {
                return;
            };
            self.children = next.children.into_values().collect::<Vec<_>>().into_iter();
            drop(mem::replace(&mut self.end, next.end));
        }
    }
}

/// Does all of it, even if some of it panics; then the first panic goes on.
pub(super) fn run(actions: Vec<Action>) {
    let mut panics = Panics(None);
    for action in actions {
        panics.hold(action);
    }
    panics.go_on();
}

/// Holds panics back until the work is done.
struct Panics(Option<Box<dyn Any + Send>>);

impl Panics {
    /// Runs `f`; false if it panicked. Only the first panic is kept.
    fn hold(&mut self, f: impl FnOnce()) -> bool {
        let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
            return true;
        };
        if self.0.is_none() {
            self.0 = Some(payload);
        } else {
            discard(payload);
        }
        false
    }

    fn go_on(self) {
        if let Some(payload) = self.0 {
            resume_unwind(payload);
        }
    }
}
