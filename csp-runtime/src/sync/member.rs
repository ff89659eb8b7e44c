//! Goroutines of a wait group: counted before they exist, and until they end.
//!
//! A member is one count and one owner of the group's state, taken and given back under one lock each.

use std::mem::ManuallyDrop;
use std::panic::Location;

use super::WaitGroup;
use crate::locals;
use crate::task::{JoinHandle, Options, spawn};

impl WaitGroup {
    /// Starts a goroutine that counts in this group: added before it exists, done when it ends, also
    /// by a panic.
    ///
    /// # Panics
    ///
    /// If no stack can be had for it.
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let options = Options {
            name: None,
            stack: None,
            site: Location::caller(),
            id: None,
        };
        self.spawn(options, f)
    }

    pub(crate) fn spawn<F, T>(&self, options: Options, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let member = Member::new(self);
        // If the spawn fails, dropping the closure takes the member out again.
        spawn(options, move || {
            let _member = member;
            locals::to_the_end(f)
        })
        .unwrap_or_else(|error| panic!("{error}"))
    }
}

/// One count in a group and one of its owners, until it is dropped.
struct Member(ManuallyDrop<WaitGroup>);

impl Member {
    #[track_caller]
    fn new(group: &WaitGroup) -> Self {
        Self(ManuallyDrop::new(group.enter()))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        WaitGroup::leave(&self.0);
    }
}
