//! What the layers above ask of the scheduler, in a model: tasks are threads of loom's there, and nothing is scheduled.

use std::panic::Location;

use crate::goroutine::Reason;
use crate::primitive::parker::Parker;

/// Nobody is preempted in a model.
pub(crate) fn checkpoint() {}

/// Spinning shows nothing in a model.
pub(crate) fn may_spin() -> bool {
    false
}

/// Waits for ever, which loom reports as a deadlock.
pub(crate) fn park_forever(_: Reason, _: &'static Location<'static>) -> ! {
    Parker::new().park();
    unreachable!("nobody leaves a token")
}

/// A model has no Ms.
pub(crate) mod current {
    use crate::primitive::biased::Owner;

    /// Never made.
    pub(crate) enum Inside {}

    impl Inside {
        /// There is none.
        pub(crate) fn owner(&self) -> &'static Owner {
            match *self {}
        }
    }

    /// The caller is a plain thread.
    pub(crate) fn enter() -> Option<Inside> {
        None
    }
}
