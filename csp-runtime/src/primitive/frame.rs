//! Where a stack was left: the registers from which its frames can be found again.
//!
//! A goroutine notes them right before it leaves its stack. The scan of the migration guard starts at
//! the stack pointer, and a backtrace of a parked goroutine unwinds from all three.
//!
//! The registers are read by one block of assembly, so that they belong together: the unwinding rules
//! that the compiler has written down for `ip` hold for `sp` and `bp`. On other processors only the
//! stack pointer is known, and only about; then there are no backtraces of parked goroutines.
#![expect(unsafe_code, reason = "reads registers")]

/// The registers of one moment; all zero if there was none yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Frame {
    /// An instruction of the function that left.
    pub(crate) ip: usize,
    /// Its stack pointer; everything below is free.
    pub(crate) sp: usize,
    /// Its frame pointer register, whatever the function uses it for.
    pub(crate) bp: usize,
}

impl Frame {
    /// Nothing was noted yet.
    pub(crate) const NONE: Self = Self {
        ip: 0,
        sp: 0,
        bp: 0,
    };

    /// The registers of the function into which this is inlined.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (ip, sp, bp): (usize, usize, usize);
        // SAFETY: reads registers and changes nothing.
        unsafe {
            core::arch::asm!(
                "lea {ip}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                ip = out(reg) ip,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { ip, sp, bp }
    }

    /// About where the stack ends.
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    #[inline(never)]
    pub(crate) fn here() -> Self {
        let local = 0_usize;
        let sp = (&raw const local).addr();
        Self { ip: 0, sp, bp: 0 }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Frame;

    #[test]
    fn the_stack_pointer_lies_just_below_the_locals() {
        let local = 0_usize;
        let frame = Frame::here();
        let at = (&raw const local).addr();
        assert!(at.abs_diff(frame.sp) < 64 << 10);
    }
}
