//! Whether an M is on a goroutine's stack: one flag that closes the window of a switch.
//!
//! A goroutine that parks is known to its waker before it has left its stack, so it may be made ready,
//! taken from a run queue by another M, or have ended and its slot be taken for a new goroutine,
//! while the first M is still a few instructions, at times a look at the stack (`sched::home`), from being off it.
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
//! # Holding
//!
//! One thread (sysmon) may hold a stack in place, to give back the memory below its stack pointer: while it holds a
//! stack that nobody is on, nobody enters it. That must cost `enter` no locked instruction, so the fences are asymmetric,
//! as in `primitive::section`:
//!
//! ```text
//!   M                                   holder
//!   on = true                           held = true, of some stacks
//!   light fence                         heavy fence, once for all of them
//!   held? ── slow: on = false,          on? ── somebody is on it, or about to find `held`: leave it alone
//!   │              wait, try again         └ else: nobody enters until
//!   … on the stack …                    held = false
//! ```
//!
//! Either the M's load of `held` sees the holder, or the holder's load of `on` sees the M. What each may find:
//!
//! | `on` | `held` | the stack |
//! |---|---|---|
//! | no | no | nobody's |
//! | yes | no | the M's |
//! | no | yes | the holder's, once its fence has passed |
//! | yes | yes | the M's, which entered before the fence; or nobody's, for a moment, with an M about to step back |
//!
//! In the last row the holder leaves the stack alone. When it finds a stack free after its fence, it sees all that was
//! done there before (`leave` releases); and what it does is over before an M enters (letting go releases).
//!
//! Whoever starts a new goroutine in a slot enters too, for as long as that takes: the holder may have come for the one that
//! has ended there. `wait_until_free` asks for `on` alone: it is for those who look at the used part of a stack, or free
//! the slot, and let the holder do what he does.
//!
//! Source: Linux, `task_struct::on_cpu`. The alternative, a status that waker and scheduler both
//! exchange, costs two locked instructions more for every wake-up.

use crate::primitive::section::light_fence;
use crate::primitive::sync::{AtomicBool, Ordering, spin_loop, yield_now};

/// The flags; see the module.
pub(crate) struct OnCpu {
    /// An M is on the stack; written by that M.
    on: AtomicBool,
    /// The holder wants it to stay as it is; written by the holder.
    held: AtomicBool,
}

impl OnCpu {
    /// Nobody is on the stack.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self {
            on: AtomicBool::new(false),
            held: AtomicBool::new(false),
        }
    }

    /// Starts over: nobody is on the stack, and nobody holds it. For whoever has just been given its memory.
    pub(crate) fn reset(&self) {
        self.on.store(false, Ordering::Relaxed);
        self.held.store(false, Ordering::Relaxed);
    }

    /// Waits until the stack is free, and enters it.
    #[inline]
    pub(crate) fn enter(&self) {
        self.wait_until_free();
        self.on.store(true, Ordering::Relaxed);
        // Partner: the heavy fence between `hold` and `is_free`.
        light_fence();
        // Acquire: what the holder did is over.
        if self.held.load(Ordering::Acquire) {
            self.enter_slow();
        }
    }

    /// Steps back until the holder lets go.
    #[cold]
    #[inline(never)]
    fn enter_slow(&self) {
        loop {
            self.on.store(false, Ordering::Release);
            wait_while(&self.held);
            self.on.store(true, Ordering::Relaxed);
            light_fence();
            if !self.held.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Asks that nobody enter from now on. Holder only, who then makes every thread pass a full fence, and then sees by
    /// [`is_free`](Self::is_free) whether it has the stack. To be ended by [`let_go`](Self::let_go) in any case, soon.
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::Relaxed);
    }

    /// Ends a hold. Holder only.
    pub(crate) fn let_go(&self) {
        self.held.store(false, Ordering::Release);
    }

    /// Leaves the stack; others may use it from now on.
    #[inline]
    pub(crate) fn leave(&self) {
        self.on.store(false, Ordering::Release);
    }

    /// Waits until nobody is on the stack.
    #[inline]
    pub(crate) fn wait_until_free(&self) {
        if self.on.load(Ordering::Acquire) {
            wait_while(&self.on);
        }
    }

    /// Whether nobody is on the stack; of use to reports, since it may change at once, and to the holder.
    pub(crate) fn is_free(&self) -> bool {
        !self.on.load(Ordering::Acquire)
    }
}

#[cold]
#[inline(never)]
fn wait_while(flag: &AtomicBool) {
    let mut spins = 0_u32;
    while flag.load(Ordering::Acquire) {
        spins += 1;
        // Who is to clear it may have been descheduled: let it have this processor. A model yields each
        // time, for it cannot explore endless spinning.
        if cfg!(loom) || spins.is_multiple_of(128) {
            yield_now();
        } else {
            spin_loop();
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

    /// An M parks a goroutine, and another resumes it, while a holder tries to have the stack. Loom checks that no two of
    /// them touch it at once.
    #[test]
    fn loom_a_stack_is_with_an_m_or_with_its_holder() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
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
            let holder = {
                let g = g.clone();
                thread::spawn(move || {
                    g.on_cpu.hold();
                    // Partner: the light fence in `enter`, which is a full one in a model.
                    crate::primitive::sync::fence(Ordering::SeqCst);
                    if g.on_cpu.is_free() {
                        touch(&g);
                    }
                    g.on_cpu.let_go();
                })
            };
            g.queued.store(1, Ordering::Release);
            touch(&g);
            g.on_cpu.leave();
            other.join().unwrap();
            holder.join().unwrap();
        });
    }

    /// Two holds in a row, and an M that goes on and off: it steps back in time, and gets on in the end.
    #[test]
    fn loom_an_m_that_steps_back_gets_on_in_the_end() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(|| {
            let g = Arc::new(Goroutine {
                on_cpu: OnCpu::new(),
                stack: SharedCell::new(0),
                queued: AtomicUsize::new(0),
            });
            let holder = {
                let g = g.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        g.on_cpu.hold();
                        crate::primitive::sync::fence(Ordering::SeqCst);
                        if g.on_cpu.is_free() {
                            touch(&g);
                        }
                        g.on_cpu.let_go();
                    }
                })
            };
            for _ in 0..2 {
                g.on_cpu.enter();
                touch(&g);
                g.on_cpu.leave();
            }
            holder.join().unwrap();
        });
    }
}
