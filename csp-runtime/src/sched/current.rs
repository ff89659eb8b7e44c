//! Which M, P and goroutine the calling code is running on.
//!
//! Nothing found here may be kept across a switch: afterwards the goroutine may be on another M. The
//! functions therefore read the thread's word each time, and callers pass the result no further
//! than the end of one run-time operation.

use crate::goroutine::Goroutine;
use crate::primitive::biased::Owner;
use crate::primitive::section::{Entered, LOST, Left, STEAL};
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

/// As [`enter`], for an operation that may wait: lets others run first if sysmon has asked for it.
#[inline(always)]
pub(crate) fn enter_operation() -> Option<Inside> {
    let m = machine()?;
    if m.section.begin_operation() == Entered::Clear {
        return Some(Inside(m));
    }
    enter_operation_slow(m)
}

/// The P is gone or going, or others are to run first.
#[cold]
#[inline(never)]
fn enter_operation_slow(m: &'static Machine) -> Option<Inside> {
    if m.section.has(STEAL | LOST) {
        retake::entered_without_p();
    }
    drop(Inside(m));
    preempt::checkpoint();
    // Maybe on another thread.
    enter()
}

impl Inside {
    /// The flag of the P, for locks that may be biased to it.
    #[inline]
    pub(crate) fn owner(&self) -> &'static Owner {
        &self.processor().owner
    }

    /// Makes a goroutine runnable, as [`ready`](super::ready).
    #[inline]
    pub(crate) fn ready(&self, g: &'static Goroutine) {
        super::ready::ready_by(self.processor(), g);
    }

    /// The calling goroutine.
    #[inline]
    pub(crate) fn goroutine(&self) -> &'static Goroutine {
        self.0.g().expect("user code runs on a goroutine")
    }

    /// The calling goroutine; `None` in the scheduler loop.
    #[inline]
    pub(crate) fn find_goroutine(&self) -> Option<&'static Goroutine> {
        self.0.g()
    }

    /// The processor of the calling goroutine.
    #[inline]
    pub(crate) fn processor(&self) -> &'static Processor {
        self.0.processor()
    }
}

impl Drop for Inside {
    #[inline(always)]
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
