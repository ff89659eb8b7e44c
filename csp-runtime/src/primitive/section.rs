//! Runtime sections: where a goroutine must be neither preempted nor parted from its P.
//!
//! A goroutine runs user code, which may be stopped at any instruction, or runtime code, which touches what belongs
//! to its P or holds a spin lock. Runtime code is bracketed by [`enter`] and [`leave`]; brackets nest. The
//! counter belongs to the *thread*, and is written by that thread alone, without locked instructions.
//!
//! ```text
//!   M (owner)                              sysmon (watcher)
//!   depth 0 → 1                            flags |= STEAL
//!   light fence                            heavy fence (`barrier`)
//!   flags has STEAL or LOST? ── slow       depth == 0? ── it is in user code, and whenever it
//!   … the section …                        │              enters, it will see the flag:
//!   depth 1 → 0                            │              STEAL → LOST, the P is the watcher's
//!   flags has PENDING? ── slow             └ else: clear STEAL, try again another time
//! ```
//!
//! The two fences are partners: either the owner's load of `flags` sees STEAL, or the watcher's load of `depth` sees
//! the section. The light fence only holds the compiler back; the heavy one makes every running thread of the process
//! execute a full barrier (`membarrier`), so that the frequent side pays nothing.
//!
//! **A switch happens inside.** A goroutine leaves its stack inside a section of depth one, and the section goes over
//! to the loop of the M, which is at depth one all its life; when an M resumes a goroutine, its section becomes that
//! goroutine's. So a goroutine may enter on one thread and leave on another, and both counters come out even.
//! Hence [`leave`] asks anew which thread it is on.
//!
//! On a thread that is no M both do nothing.
//!
//! Source of the asymmetric fences: Dice, Huang, Yang, "Asymmetric Dekker Synchronization" (2001).

use super::sync::{self, AtomicU32, Ordering};

/// The watcher is about to take the P away.
pub(crate) const STEAL: u32 = 1;
/// The P was taken away: get one before anything else.
pub(crate) const LOST: u32 = 2;
/// The goroutine is asked to let others run when it next may.
pub(crate) const ASK: u32 = 4;
/// A preemption met a section; it is made good at its end.
pub(crate) const PENDING: u32 = 8;

/// One thread's counter and flags.
#[repr(C)]
pub(crate) struct Section {
    /// How many sections deep the thread is; written by the thread alone.
    depth: AtomicU32,
    /// What others want of it: the bits above. Everybody, by read-modify-write.
    flags: AtomicU32,
}

/// What entering met.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    /// Go on.
    Clear,
    /// The outermost section, and the P is gone or going.
    WithoutP,
}

/// What leaving met.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// Go on.
    Clear,
    /// User code again, and a preemption is due.
    Pending,
}

impl Section {
    sync::const_fn! {
        /// A thread in user code.
        pub(crate) fn new() -> Self {
            Self { depth: AtomicU32::new(0), flags: AtomicU32::new(0) }
        }
    }

    /// One level deeper. Owner only.
    #[inline(always)]
    pub(crate) fn begin(&self) -> Entered {
        self.begin_unless(STEAL | LOST)
    }

    /// As [`begin`](Self::begin), for an operation that lets others run first if it is asked to: that too is
    /// `WithoutP`, and then [`has`](Self::has) tells.
    #[inline(always)]
    pub(crate) fn begin_operation(&self) -> Entered {
        self.begin_unless(STEAL | LOST | ASK)
    }

    #[inline(always)]
    fn begin_unless(&self, bits: u32) -> Entered {
        let depth = self.depth.load(Ordering::Relaxed);
        self.depth.store(depth + 1, Ordering::Relaxed);
        light_fence();
        if depth == 0 && self.flags.load(Ordering::Relaxed) & bits != 0 {
            return Entered::WithoutP;
        }
        Entered::Clear
    }

    /// One level up. Owner only.
    #[inline(always)]
    pub(crate) fn end(&self) -> Left {
        let depth = self.depth.load(Ordering::Relaxed);
        debug_assert_ne!(depth, 0, "a section ends that never began");
        light_fence();
        // Release: a watcher that sees the zero sees all that was done in the section.
        self.depth.store(depth - 1, Ordering::Release);
        light_fence();
        if depth == 1 && self.flags.load(Ordering::Relaxed) & PENDING != 0 {
            return Left::Pending;
        }
        Left::Clear
    }

    /// How deep the thread is.
    #[inline]
    pub(crate) fn depth(&self) -> u32 {
        self.depth.load(Ordering::Acquire)
    }

    /// Whether any of `bits` is set.
    #[inline]
    pub(crate) fn has(&self, bits: u32) -> bool {
        self.flags.load(Ordering::Relaxed) & bits != 0
    }

    /// Sets `bits`.
    pub(crate) fn set(&self, bits: u32) {
        self.flags.fetch_or(bits, Ordering::SeqCst);
    }

    /// Clears `bits`; true if any was set.
    pub(crate) fn clear(&self, bits: u32) -> bool {
        self.flags.fetch_and(!bits, Ordering::SeqCst) & bits != 0
    }

    /// Watcher: takes the P of a thread that is in user code, with `heavy_fence` as the partner of the light one.
    /// `take` takes it if it is still the one that was meant, and says so; the owner waits meanwhile, and then finds LOST.
    pub(crate) fn steal(&self, heavy_fence: impl FnOnce(), take: impl FnOnce() -> bool) -> bool {
        self.set(STEAL);
        heavy_fence();
        let taken = self.depth() == 0 && take();
        if taken {
            self.set(LOST);
        }
        self.clear(STEAL);
        taken
    }

    /// Owner, after [`Entered::WithoutP`]: waits until the watcher has decided; true if the P is lost.
    #[cold]
    pub(crate) fn settle(&self) -> bool {
        let mut spins = 0_u32;
        loop {
            let flags = self.flags.load(Ordering::Acquire);
            if flags & STEAL == 0 {
                return flags & LOST != 0;
            }
            spins += 1;
            if cfg!(loom) || spins.is_multiple_of(64) {
                sync::yield_now();
            } else {
                sync::spin_loop();
            }
        }
    }
}

/// Keeps the compiler from moving accesses across; the processor is held back by the heavy fence.
#[inline(always)]
pub(crate) fn light_fence() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    // Loom knows no asymmetric fences. Partner: the heavy fence in the model.
    #[cfg(loom)]
    sync::fence(Ordering::SeqCst);
}

#[cfg(not(loom))]
mod thread {
    use super::{Entered, Left, Section};
    use crate::primitive::tls;
    use core::marker::PhantomData;
    use std::sync::OnceLock;

    /// What the scheduler does on the slow paths.
    pub(crate) struct Hooks {
        /// The outermost section was entered without a P: get one.
        pub(crate) without_p: fn(),
        /// The outermost section has ended and a preemption is due.
        pub(crate) pending: fn(),
    }

    static HOOKS: OnceLock<Hooks> = OnceLock::new();

    /// Says what to do on the slow paths; once, before there are any Ms.
    pub(crate) fn set_hooks(hooks: Hooks) {
        HOOKS.get_or_init(|| hooks);
    }

    /// The section of this thread, if it is an M.
    #[inline(always)]
    fn current() -> Option<&'static Section> {
        let at = core::ptr::with_exposed_provenance::<Section>(tls::get()?);
        // SAFETY: the word is the address of an M, which begins with its section and lives for ever.
        #[expect(unsafe_code, reason = "the thread's word is an address")]
        Some(unsafe { &*at })
    }

    /// Begins a section; it ends when the guard is dropped, maybe on another thread.
    #[inline(always)]
    pub(crate) fn enter() -> Inside {
        begin();
        Inside(PhantomData)
    }

    /// A guard for a section that [`begin`] has begun.
    #[inline(always)]
    pub(crate) fn adopt() -> Inside {
        Inside(PhantomData)
    }

    /// Begins a section without a guard.
    #[inline(always)]
    pub(crate) fn begin() {
        let _ = begin_here();
    }

    /// Begins a section that ends on this thread, by [`leave_here`]: one in which nothing parks.
    #[inline(always)]
    pub(crate) fn begin_here() -> Here {
        let section = current();
        if let Some(section) = section
            && section.begin() == Entered::WithoutP
        {
            without_p();
        }
        Here(section)
    }

    /// Ends a section that [`begin_here`] began.
    #[inline(always)]
    pub(crate) fn leave_here(here: &Here) {
        if let Some(section) = here.0
            && section.end() == Left::Pending
        {
            pending();
        }
    }

    /// The thread on which a section began. Not `Send`.
    pub(crate) struct Here(Option<&'static Section>);

    /// Ends a section that [`begin`] began.
    #[inline(always)]
    pub(crate) fn leave() {
        leave_here(&Here(current()));
    }

    /// How deep this thread is; 1 on a thread that is no M, which nobody preempts.
    pub(crate) fn depth() -> u32 {
        current().map_or(1, Section::depth)
    }

    #[cold]
    #[inline(never)]
    fn without_p() {
        if let Some(hooks) = HOOKS.get() {
            (hooks.without_p)();
        }
    }

    #[cold]
    #[inline(never)]
    fn pending() {
        if let Some(hooks) = HOOKS.get() {
            (hooks.pending)();
        }
    }

    /// A section; see [`enter`]. Not `Send`: the goroutine that entered leaves.
    #[must_use]
    pub(crate) struct Inside(PhantomData<*const ()>);

    impl Drop for Inside {
        #[inline(always)]
        fn drop(&mut self) {
            leave();
        }
    }
}

#[cfg(not(loom))]
pub(crate) use thread::{
    Here, Hooks, Inside, adopt, begin, begin_here, depth, enter, leave, leave_here, set_hooks,
};

#[cfg(loom)]
mod model_thread {
    /// The models have no Ms.
    pub(crate) struct Here;
    /// The models have no Ms.
    pub(crate) fn begin_here() -> Here {
        Here
    }
    /// The models have no Ms.
    pub(crate) fn leave_here(_: &Here) {}
    /// The models have no Ms.
    #[must_use]
    pub(crate) struct Inside;
    /// The models have no Ms.
    pub(crate) fn enter() -> Inside {
        Inside
    }
    /// The models have no Ms.
    pub(crate) fn adopt() -> Inside {
        Inside
    }
}
#[cfg(loom)]
pub(crate) use model_thread::{Here, Inside, adopt, begin_here, enter, leave_here};

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn sections_nest_and_only_the_outermost_one_looks_at_the_flags() {
        let section = Section::new();
        assert_eq!(section.begin(), Entered::Clear);
        section.set(LOST | PENDING);
        assert_eq!(section.begin(), Entered::Clear);
        assert_eq!(section.depth(), 2);
        assert_eq!(section.end(), Left::Clear);
        assert_eq!(section.end(), Left::Pending);
        assert_eq!(section.begin(), Entered::WithoutP);
        assert!(section.settle());
    }

    #[test]
    fn nothing_is_stolen_from_a_section() {
        let section = Section::new();
        let _ = section.begin();
        assert!(!section.steal(|| {}, || true));
        assert_eq!(section.end(), Left::Clear);
        assert!(!section.steal(|| {}, || false));
        assert_eq!(section.begin(), Entered::Clear);
        let _ = section.end();
        assert!(section.steal(|| {}, || true));
        assert_eq!(section.begin(), Entered::WithoutP);
    }

    #[test]
    fn a_plain_thread_has_no_sections() {
        begin();
        assert_eq!(depth(), 1);
        drop(enter());
        leave();
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::sync::{SharedCell, fence};
    use loom::sync::Arc;
    use loom::thread;

    struct Shared {
        section: Section,
        /// What belongs to the P; touched by whoever has it.
        local: SharedCell<u32>,
    }

    /// The owner enters twice; the watcher tries to take the P once. Loom checks that the P's own state is never
    /// touched by both.
    #[test]
    fn loom_a_p_is_with_its_owner_or_with_the_watcher() {
        loom::model(|| {
            let shared = Arc::new(Shared {
                section: Section::new(),
                local: SharedCell::new(0),
            });
            let watcher = {
                let shared = shared.clone();
                thread::spawn(move || {
                    // Partner: the light fences, which are full ones in a model.
                    let taken = shared.section.steal(|| fence(Ordering::SeqCst), || true);
                    if taken {
                        let _ = shared.local.exclusive();
                    }
                    taken
                })
            };
            let mut lost = false;
            for _ in 0..2 {
                if shared.section.begin() == Entered::WithoutP {
                    lost = shared.section.settle();
                }
                if !lost {
                    let _ = shared.local.exclusive();
                }
                let _ = shared.section.end();
                if lost {
                    break;
                }
            }
            let taken = watcher.join().unwrap();
            assert!(!lost || taken);
        });
    }
}
