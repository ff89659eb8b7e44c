//! M: an operating-system thread that runs goroutines while it holds a P.
//!
//! Invariants:
//! - An M is created once, by the creator thread, and never ends; its `Machine` lives for ever, so
//!   that a reference found in a list or in a goroutine's `bound` is always valid.
//! - `g` and `p` are touched by the M's own thread only. To give a parked M a processor, the giver
//!   stores it in `gift` and unparks; the M takes it when it wakes. The giver must have
//!   taken the M out of the idle list, or found it as the one a goroutine is bound to, so that there
//!   is one giver for each sleep.

use core::cell::Cell;
use core::ptr;

use crate::goroutine::Goroutine;
use crate::primitive::parker::Parker;
use crate::primitive::sync::{AtomicBool, AtomicPtr, Ordering};
use crate::sched::Processor;

/// An operating-system thread of the runtime.
pub(crate) struct Machine {
    /// Number, for the thread's name.
    pub(crate) id: u32,
    /// The goroutine whose stack the thread is on; own thread only.
    pub(crate) g: Cell<Option<&'static Goroutine>>,
    /// The processor it holds; own thread only.
    pub(crate) p: Cell<Option<&'static Processor>>,
    /// Whether it is counted as searching for work; own thread only.
    pub(crate) spinning: Cell<bool>,
    /// Where the thread sleeps.
    pub(crate) parker: Parker,
    /// A processor handed to the sleeping thread.
    gift: AtomicPtr<Processor>,
    /// Whether the thread woken with `gift` shall count as searching; written before the gift.
    gift_spinning: AtomicBool,
}

// SAFETY: `g`, `p` and `spinning` are touched by the M's own thread only, see the module.
#[expect(unsafe_code, reason = "cells that one thread owns")]
unsafe impl Sync for Machine {}

impl Machine {
    /// An M for a thread that is about to start; lives for ever.
    pub(crate) fn create(id: u32) -> &'static Self {
        Box::leak(Box::new(Self {
            id,
            g: Cell::new(None),
            p: Cell::new(None),
            spinning: Cell::new(false),
            parker: Parker::new(),
            gift: AtomicPtr::new(ptr::null_mut()),
            gift_spinning: AtomicBool::new(false),
        }))
    }

    /// Wakes the sleeping thread and gives it a processor; `spinning` if it starts as one of those
    /// that search.
    pub(crate) fn give(&self, p: &'static Processor, spinning: bool) {
        self.gift_spinning.store(spinning, Ordering::Relaxed);
        let before = self.gift.swap(p.as_ptr(), Ordering::Release);
        debug_assert!(before.is_null(), "a sleeping M has one giver");
        self.parker.unpark();
    }

    /// Takes what [`give`](Self::give) left; own thread only.
    pub(crate) fn take_gift(&self) -> Option<&'static Processor> {
        let p = Processor::from_ptr(self.gift.swap(ptr::null_mut(), Ordering::Acquire))?;
        self.spinning
            .set(self.gift_spinning.load(Ordering::Relaxed));
        self.p.set(Some(p));
        Some(p)
    }

    /// The processor this M holds.
    ///
    /// # Panics
    ///
    /// If it holds none: a bug of the scheduler.
    #[inline]
    pub(crate) fn processor(&self) -> &'static Processor {
        self.p.get().expect("an M runs goroutines only with a P")
    }

    /// The address by which a goroutine is bound to this M.
    pub(crate) fn as_ptr(&'static self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// The M at an address made by `as_ptr`.
    pub(crate) fn from_ptr(at: *mut ()) -> Option<&'static Self> {
        // SAFETY: null, or an address from `as_ptr`; Ms live for ever.
        #[expect(unsafe_code, reason = "Ms live for ever")]
        unsafe {
            at.cast::<Self>().as_ref()
        }
    }
}
