//! [`Arena`]: where every goroutine's stack comes from, one [`Pool`] of slots per size class.
//!
//! Invariants:
//!
//! - A slot handed out is zeroed, guarded, aligned to its size, and handed out once. It is never
//!   taken back: the layer above keeps free slots in lists of its own, so what lies in a slot is
//!   *type-stable*; a pointer to a control block stays a pointer to a control block.
//! - [`Arena::lookup`] and [`Arena::for_each`] take no lock and allocate nothing; `lookup` may run
//!   in a signal handler that interrupted [`Arena::take`].
//!
//! They may see a slot a moment before its taker does: it was claimed, its guard is being set, and
//! its memory reads as zero. A control block must therefore treat all zeroes as "no goroutine".
//!
//! An arena that frees slots was rejected: unmapping costs a system call and a TLB flush on every
//! processor for each stack, and would make every late wake-up a use after free.

#![expect(unsafe_code, reason = "setting the guards of claimed slots")]

use super::chunk::Pool;
use super::class::SizeClass;
use super::error::StackError;
use super::guard;
use super::slot::Slot;
use core::mem::MaybeUninit;

static ARENA: Arena = Arena::new();

/// Returns the process's arena.
pub(crate) fn arena() -> &'static Arena {
    &ARENA
}

/// Every stack slot of the process.
pub(crate) struct Arena {
    /// The slots of each class, by [`SizeClass::index`]; each pool protects itself.
    pools: [Pool; SizeClass::COUNT],
}

impl Arena {
    const fn new() -> Arena {
        Arena {
            pools: [const { Pool::new() }; SizeClass::COUNT],
        }
    }

    /// Hands out fresh, zeroed slots whose guards are set, and returns how many it wrote to the
    /// front of `out`: as many as there is room for if it can, at least 1, and 0 only when `out`
    /// is empty.
    ///
    /// Costs one or two system calls, on older kernels one a slot; take 32 to 64 at a time. The top pages of many slots
    /// that are taken together get their memory at once, unless they are the first of their class. The first call of a process reads the
    /// environment, and so may allocate; later ones do not.
    ///
    /// # Errors
    ///
    /// When no slot can be had; the error says which limit was met.
    pub(crate) fn take(
        &self,
        class: SizeClass,
        out: &mut [MaybeUninit<Slot>],
    ) -> Result<usize, StackError> {
        if out.is_empty() {
            return Ok(0);
        }
        let pool = &self.pools[class.index()];
        let run = pool.claim(class, u32::try_from(out.len()).unwrap_or(u32::MAX))?;
        // SAFETY: the run was just claimed, and no slot of it was handed to anybody.
        let guarded = unsafe { guard::install(&run) };
        let ready = *guarded.as_ref().unwrap_or(&0);
        if ready < run.len {
            pool.give_back(&run, ready);
        } else if run.is_one_of_many() {
            guard::populate(&run);
        }
        for at in 0..guarded? {
            out[at as usize].write(run.slot(at));
        }
        Ok(ready as usize)
    }

    /// Returns the slot that contains `addr`, guard included, whether or not it is in use.
    ///
    /// Async-signal-safe.
    pub(crate) fn lookup(&self, addr: usize) -> Option<Slot> {
        SizeClass::all().find_map(|class| self.pools[class.index()].lookup(class, addr))
    }

    /// Calls `f` with every slot ever handed out, class by class in the order of their numbers.
    ///
    /// Slots handed out during the call may be left out.
    pub(crate) fn for_each(&self, f: &mut dyn FnMut(Slot)) {
        for class in SizeClass::all() {
            self.pools[class.index()].for_each(class, f);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
