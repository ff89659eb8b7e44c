//! Which M, P and goroutine the calling code is running on.
//!
//! Nothing found here may be kept across a switch: afterwards the goroutine may be on another M. The
//! functions therefore read the thread's word each time, and callers pass the result no further
//! than the end of one run-time operation.

use crate::goroutine::Goroutine;
use crate::primitive::section::{Entered, Left};
use crate::primitive::tls;
use crate::sched::{Machine, Processor, preempt, retake};

/// The M of this thread, or `None` on a thread that is no M.
#[inline]
pub(crate) fn machine() -> Option<&'static Machine> {
    Machine::from_ptr(core::ptr::with_exposed_provenance_mut(tls::get()?))
}

/// The goroutine that calls, or `None` on a plain thread and in the scheduler loop.
#[inline]
pub(crate) fn goroutine() -> Option<&'static Goroutine> {
    machine()?.g()
}

/// The processor of the calling goroutine or scheduler loop; inside a section only, since it may be
/// another's at any moment outside.
#[inline]
pub(crate) fn processor() -> Option<&'static Processor> {
    machine()?.p()
}

/// A section of an M's thread that ends there: for what neither parks nor runs user code.
pub(crate) struct Inside(&'static Machine);

/// Begins a section, and returns it with the M; `None` on a thread that is no M.
#[inline]
pub(crate) fn enter() -> Option<Inside> {
    let m = machine()?;
    if m.section.begin() == Entered::WithoutP {
        retake::entered_without_p();
    }
    Some(Inside(m))
}

impl Inside {
    /// The calling goroutine.
    #[inline]
    pub(crate) fn goroutine(&self) -> &'static Goroutine {
        self.0.g().expect("user code runs on a goroutine")
    }

    /// The processor of the calling goroutine.
    #[inline]
    pub(crate) fn processor(&self) -> &'static Processor {
        self.0.processor()
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        if self.0.section.end() == Left::Pending {
            preempt::pending();
        }
    }
}

/// Makes this thread an M; once, when it starts.
pub(crate) fn set_machine(m: &'static Machine) {
    tls::set(m.as_ptr().expose_provenance());
}
