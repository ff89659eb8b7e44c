//! Whether an M is on a goroutine's stack: one flag that closes the window of a switch.
//!
//! A goroutine that parks is known to its waker before it has left its stack, so it may be made ready,
//! taken from a run queue by another M, or have ended and its slot be taken for a new goroutine,
//! while the first M is still a few instructions from being off the stack.
//!
//! ```text
//!   M1                                M2
//!   enter                             takes the goroutine from a queue
//!   … runs; publishes its waiter      enter: waits until the flag is clear ──┐
//!   switches to its own stack                                                │
//!   leave ───────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Invariants: whoever calls `enter` owns the goroutine, by having taken it from the one queue it was in
//! or from a free list; only the M that entered leaves. What M1 did on the stack happens before
//! what M2 does there. The wait is short: nothing between publishing and leaving can wait for M2.
//!
//! Source: Linux, `task_struct::on_cpu`. The alternative, a status that waker and scheduler both
//! exchange, costs two locked instructions more for every wake-up.

use crate::primitive::sync::{AtomicBool, Ordering, spin_loop, yield_now};

/// The flag; see the module.
pub(crate) struct OnCpu(AtomicBool);

impl OnCpu {
    /// Nobody is on the stack.
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Waits until the stack is free, and enters it.
    #[inline]
    pub(crate) fn enter(&self) {
        self.wait_until_free();
        self.0.store(true, Ordering::Relaxed);
    }

    /// Leaves the stack; others may use it from now on.
    #[inline]
    pub(crate) fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Waits until nobody is on the stack.
    #[inline]
    pub(crate) fn wait_until_free(&self) {
        if self.0.load(Ordering::Acquire) {
            self.wait_slow();
        }
    }

    /// Whether nobody is on the stack; of use to reports, since it may change at once.
    pub(crate) fn is_free(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }

    #[cold]
    fn wait_slow(&self) {
        let mut spins = 0_u32;
        while self.0.load(Ordering::Acquire) {
            spins += 1;
            // The M that is switching away may have been descheduled: let it have this processor. A
            // model yields each time, for it cannot explore endless spinning.
            if cfg!(loom) || spins.is_multiple_of(128) {
                yield_now();
            } else {
                spin_loop();
            }
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::sync::{AtomicUsize, SharedCell};
    use loom::sync::Arc;
    use loom::thread;

    struct Goroutine {
        on_cpu: OnCpu,
        /// Which switches the stack has seen; touched by the M that is on it.
        stack: SharedCell<u32>,
        /// Times it was made ready and not yet taken.
        queued: AtomicUsize,
    }

    /// Loom checks that every access happens after the one before.
    fn touch(g: &Goroutine) {
        let _ = g.stack.exclusive();
    }

    #[test]
    fn loom_a_stack_is_left_before_another_m_enters_it() {
        loom::model(|| {
            let g = Arc::new(Goroutine {
                on_cpu: OnCpu::new(),
                stack: SharedCell::new(0),
                queued: AtomicUsize::new(0),
            });
            g.on_cpu.enter();
            let other = {
                let g = g.clone();
                thread::spawn(move || {
                    while g.queued.load(Ordering::Acquire) == 0 {
                        yield_now();
                    }
                    g.on_cpu.enter();
                    touch(&g);
                    g.on_cpu.leave();
                })
            };
            touch(&g);
            // Made ready while it is still on its way out.
            g.queued.store(1, Ordering::Release);
            touch(&g);
            g.on_cpu.leave();
            other.join().unwrap();
            g.on_cpu.wait_until_free();
            touch(&g);
        });
    }
}
