//! Goroutines of a wait group: counted before they exist, and until they end.
//!
//! A member is one count and one owner of the group's state, taken and given back by one locked instruction each.

use std::any::Any;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, Location};
use std::thread;

use super::WaitGroup;
use super::waitgroup::negative;
use crate::task::{After, JoinHandle, Options, spawn_with};

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
        // If the spawn fails, dropping the member takes it out again.
        spawn_with(options, f, Member::new(self)).unwrap_or_else(|error| panic!("{error}"))
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

impl After for Member {
    /// Leaves the group: after the closure and the goroutine's locals, and before the end can be seen.
    #[inline]
    fn left(&mut self) -> thread::Result<()> {
        if WaitGroup::leave(&self.0) {
            return Ok(());
        }
        Err(negative_payload())
    }

    #[inline]
    fn ended(self) {
        mem::forget(self);
    }
}

/// Panics, and returns the panic's payload.
#[cold]
fn negative_payload() -> Box<dyn Any + Send> {
    match panic::catch_unwind(|| -> () { negative() }) {
        Ok(()) => unreachable!("it panics"),
        Err(payload) => payload,
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !WaitGroup::leave(&self.0) {
            negative();
        }
    }
}
