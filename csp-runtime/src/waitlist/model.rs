//! Who waits, in a model: a thread of loom's, behind the type that stands for a goroutine or a thread elsewhere.
//!
//! The lists, the tickets and all that is built on them are the ones that ship; only this and the parking differ.

use crate::primitive::parker::Parker;
use crate::protocol::ticket::Ticket;

/// A task that can wait and be woken.
#[derive(Clone, Copy)]
pub(crate) struct Task(pub(crate) &'static ThreadTask);

/// What a thread needs to wait.
pub(crate) struct ThreadTask {
    /// Where the thread sleeps.
    pub(crate) parker: Parker,
    /// For contested waits.
    ticket: Ticket,
}

/// No model has one.
#[derive(Clone, Copy)]
pub(crate) enum FutureTask {}

/// Never called.
pub(crate) fn push(task: FutureTask) -> Option<Task> {
    match task {}
}

loom::thread_local! {
    // Leaked, a few bytes for each thread of each execution: loom knows no `'static` otherwise.
    static TASK: &'static ThreadTask = Box::leak(Box::new(ThreadTask {
        parker: Parker::new(),
        ticket: Ticket::new(),
    }));
}

impl ThreadTask {
    /// The calling thread's own.
    pub(crate) fn current() -> &'static Self {
        TASK.with(|task| *task)
    }
}

impl Task {
    /// Not in a model.
    pub(crate) fn as_future(self) -> Option<FutureTask> {
        None
    }

    /// The ticket for which the parties that can end this task's wait compete.
    pub(crate) fn ticket(&self) -> &'static Ticket {
        &self.0.ticket
    }
}
