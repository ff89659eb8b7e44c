//! [`Arena`]: where every goroutine's stack comes from, one [`Pool`] of slots per size class.
//!
//! Invariants:
//!
//! - A slot handed out is guarded, aligned to its size, and zeroed, unless it was handed out before. The layer above
//!   keeps free slots in lists of its own, and hands back those beyond need ([`Arena::set_aside`]). What lies in a
//!   slot is *type-stable*: a control block, or zeroes. A pointer to a control block stays one to either.
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
use super::chunk::spare::Given;
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
    /// Those of segments, apart: in these slots lies no control block.
    segments: [Pool; SizeClass::COUNT],
}

impl Arena {
    const fn new() -> Arena {
        Arena {
            pools: [const { Pool::new() }; SizeClass::COUNT],
            segments: [const { Pool::new() }; SizeClass::COUNT],
        }
    }

    /// Hands out slots whose guards are set, and returns how many it wrote to the front of `out`: as many as
    /// there is room for if it can, at least 1, and 0 only when `out` is empty. Those whose memory was given back come
    /// first, then fresh ones. They are zeroed, or hold what their last user left there.
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
        Self::take_from(&self.pools[class.index()], class, out)
    }

    /// Hands out a slot for a segment; as [`take`](Self::take).
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn take_segment(&self, class: SizeClass) -> Result<Slot, StackError> {
        let mut out = [MaybeUninit::uninit()];
        Self::take_from(&self.segments[class.index()], class, &mut out)?;
        // SAFETY: there is room for one, so one was written.
        Ok(unsafe { out[0].assume_init() })
    }

    fn take_from(
        pool: &Pool,
        class: SizeClass,
        out: &mut [MaybeUninit<Slot>],
    ) -> Result<usize, StackError> {
        if out.is_empty() {
            return Ok(0);
        }
        let spares = Self::take_spares(pool, class, out)?;
        if spares > 0 {
            return Ok(spares);
        }
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

    /// As [`take`](Self::take), of slots whose memory was given back alone; 0 if there are none.
    fn take_spares(
        pool: &Pool,
        class: SizeClass,
        out: &mut [MaybeUninit<Slot>],
    ) -> Result<usize, StackError> {
        let mut taken = 0;
        while taken < out.len()
            && let Some((run, bare)) = pool.take_spare(class, (out.len() - taken) as u32)
        {
            let guarded = if bare {
                // SAFETY: the slots are free, and were just taken for this caller alone.
                unsafe { guard::install(&run) }
            } else {
                Ok(run.len)
            };
            let ready = *guarded.as_ref().unwrap_or(&0);
            if ready < run.len {
                pool.put_spare(&run, ready);
            }
            for at in 0..ready {
                out[taken + at as usize].write(run.slot(at));
            }
            taken += ready as usize;
            match guarded {
                Ok(ready) if ready == run.len => {}
                Err(error) if taken == 0 => return Err(error),
                _ => break,
            }
        }
        Ok(taken)
    }

    /// Takes free slots that are not needed; all of one class, and the caller's. Their memory stays until
    /// [`give_back`](Self::give_back).
    pub(crate) fn set_aside(&self, class: SizeClass, slots: &[Slot]) {
        self.pools[class.index()].set_aside(slots);
    }

    /// Hands out slots that were set aside, with what is in them, and returns how many it wrote to the front of `out`.
    pub(crate) fn take_back(&self, class: SizeClass, out: &mut [MaybeUninit<Slot>]) -> usize {
        self.pools[class.index()].take_back(class, out)
    }

    /// Whether slots of a class are set aside; a hint.
    pub(crate) fn has_aside(&self, class: SizeClass) -> bool {
        self.pools[class.index()].has_aside()
    }

    /// Gives the memory of about `most` slots that are set aside back to the system. For one thread only.
    pub(crate) fn give_back(&self, class: SizeClass, most: usize) -> Given {
        self.pools[class.index()].shed(class, most)
    }

    /// Calls `f` with up to `most` slots of a class from number `from` on, as [`for_each`](Self::for_each) does;
    /// returns where to go on, or `None` at the end.
    pub(crate) fn walk(
        &self,
        class: SizeClass,
        from: usize,
        most: usize,
        f: &mut dyn FnMut(Slot),
    ) -> Option<usize> {
        self.pools[class.index()].walk(class, from, most, f)
    }

    /// Returns the slot that contains `addr`, guard included, whether or not it is in use.
    ///
    /// Async-signal-safe.
    pub(crate) fn lookup(&self, addr: usize) -> Option<Slot> {
        SizeClass::all().find_map(|class| self.pools[class.index()].lookup(class, addr))
    }

    /// Returns the slot of a segment that contains `addr`; as [`lookup`](Self::lookup).
    ///
    /// Async-signal-safe.
    pub(crate) fn lookup_segment(&self, addr: usize) -> Option<Slot> {
        SizeClass::all().find_map(|class| self.segments[class.index()].lookup(class, addr))
    }

    /// Calls `f` with every slot ever handed out for a goroutine, class by class in the order of their numbers, but for those
    /// whose memory was given back.
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
