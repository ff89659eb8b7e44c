//! Values of contexts: a list from the newest to the oldest, shared by all contexts derived from one.
//!
//! The list is apart from the tree of cancellation. A context points into both, so that looking for a value passes only
//! values, and a context without a parent to be cancelled by (`without_cancel`) keeps them.
//!
//! The key is the value's type. Go's keys are values of private types by convention, which comes to the same; here the
//! type of what is found needs no assertion.
//!
//! A list may be long: neither looking nor dropping recurs.

use std::any::Any;
use std::sync::Arc;

/// A value, and those that were there before it.
pub(super) struct Value {
    value: Arc<dyn Any + Send + Sync>,
    /// Constant until the value is dropped.
    older: Option<Arc<Value>>,
}

impl Value {
    pub(super) fn new<T: Any + Send + Sync>(value: T, older: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            value: Arc::new(value),
            older,
        })
    }

    /// The newest value of type `T`.
    pub(super) fn find<T: Any + Send + Sync>(newest: Option<&Arc<Self>>) -> Option<Arc<T>> {
        let mut at = newest;
        while let Some(here) = at {
            if here.value.is::<T>() {
                return here.value.clone().downcast().ok();
            }
            at = here.older.as_ref();
        }
        None
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let mut older = self.older.take();
        // Should a destructor panic, the rest is dropped the same way while it unwinds.
        while let Some(mut last) = older.and_then(Arc::into_inner) {
            older = last.older.take();
        }
    }
}
