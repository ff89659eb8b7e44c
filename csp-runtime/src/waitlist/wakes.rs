//! Waking several tasks after the lock under which they were won is released.
#![expect(unsafe_code, reason = "lists of nodes on other tasks' stacks")]

use core::ptr;

use super::{Task, Waiter, push};

/// Waiters that were won under a lock, to be made ready after it is released.
#[must_use]
pub(crate) struct Wakes {
    head: *const Waiter,
    tail: *const Waiter,
    /// Of futures, which are not linked here since their waiters may go away: who calls their wakers.
    caller: Option<Task>,
}

impl Wakes {
    /// Nobody.
    pub(crate) const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
            caller: None,
        }
    }

    /// Adds a waiter whose outcome is set; the lock is still held.
    pub(crate) fn push(&mut self, waiter: &'static Waiter) {
        if let Some(task) = waiter.task().as_future() {
            self.caller = push(task).or(self.caller);
            return;
        }
        waiter.next.set(ptr::null());
        if self.tail.is_null() {
            self.head = waiter;
        } else {
            // SAFETY: the tail was pushed before; its task is parked until `each` below.
            unsafe { (*self.tail).next.set(waiter) };
        }
        self.tail = waiter;
    }

    /// Hands each of the tasks to `ready`, in order, which makes it ready.
    pub(crate) fn each(self, ready: &mut dyn FnMut(Task)) {
        let mut at = self.head;
        while !at.is_null() {
            // SAFETY: its task is parked; both fields are read before it is made ready.
            let (task, next) = unsafe { ((*at).task(), (*at).next.get()) };
            ready(task);
            at = next;
        }
        if let Some(caller) = self.caller {
            ready(caller);
        }
    }
}
