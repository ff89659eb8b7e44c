//! Memory mapped for its own sake, and advice on many ranges of it in one call: what neither the standard library nor nix
//! has.
//!
//! A call that the system does not know is an answer here, not a failure.
#![expect(unsafe_code, reason = "system calls, and a mapping of one's own")]

use std::marker::PhantomData;
use std::ptr;

use libc::c_int;

/// From one stack of csp's to the next.
pub const STACK: usize = 256 << 10;
/// The guard of such a stack.
pub const STACK_GUARD: usize = 32 << 10;
/// The page at its high end.
pub const PAGE: usize = 4096;
/// Stacks that csp makes with two system calls.
pub const STACKS_AT_ONCE: usize = 32;

/// `MADV_GUARD_INSTALL` of Linux 6.13.
const GUARD_INSTALL: c_int = 102;
/// `PIDFD_SELF` of Linux 6.14: this process.
const PIDFD_SELF: c_int = -10_000;

/// Anonymous memory without huge pages; nobody has a reference into it, it is only written through [`Region::write`].
pub struct Region {
    start: *mut u8,
    len: usize,
}

/// Bytes of a region that lives.
#[repr(transparent)]
pub struct Range<'a>(libc::iovec, PhantomData<&'a Region>);

impl Region {
    /// Maps `len` bytes, without memory behind them yet; `None` where the system does not.
    pub fn map(len: usize) -> Option<Region> {
        // SAFETY: a new mapping, where the kernel likes, touches none that there is.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        // A kernel without huge pages refuses, and has none to turn off.
        // SAFETY: the mapping was just made; the advice does not change its content.
        unsafe { libc::madvise(start, len, libc::MADV_NOHUGEPAGE) };
        Some(Region {
            start: start.cast(),
            len,
        })
    }

    /// Returns a part of the region.
    ///
    /// # Panics
    ///
    /// If it is not inside.
    pub fn range(&self, offset: usize, len: usize) -> Range<'_> {
        assert!(
            offset <= self.len && len <= self.len - offset,
            "inside the region"
        );
        let bytes = libc::iovec {
            iov_base: self.start.wrapping_add(offset).cast(),
            iov_len: len,
        };
        Range(bytes, PhantomData)
    }

    /// Writes one byte. Where a guard was installed that is the end of the process.
    ///
    /// # Panics
    ///
    /// If it is not inside.
    pub fn write(&self, offset: usize) {
        assert!(offset < self.len, "inside the region");
        let byte = self.start.wrapping_add(offset);
        // SAFETY: inside the mapping (above), which is writable and lives as long as `self`; the region is not `Sync`, and
        // has no references into it.
        unsafe { byte.write_volatile(1) };
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this mapping is the region's own, and no range of it is left (its lifetime).
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// Gives pages that are about to be written their memory, and returns whether all have it.
pub fn populate(ranges: &[Range<'_>]) -> bool {
    advise(ranges, libc::MADV_POPULATE_WRITE)
}

/// Makes every access to the ranges a fault, by entries in the page table, and returns whether it did for each.
pub fn guard(ranges: &[Range<'_>]) -> bool {
    advise(ranges, GUARD_INSTALL)
}

/// Gives the same advice for all ranges, in one call where the system can, and returns whether it was taken for each.
fn advise(ranges: &[Range<'_>], advice: c_int) -> bool {
    let wanted: usize = ranges.iter().map(|range| range.0.iov_len).sum();
    // SAFETY: `Range` is laid out as an `iovec` (`repr(transparent)`), read during the call; each is of a region that lives,
    // of which nobody expects a content, so that neither advice of the two callers breaks anything.
    let done = unsafe {
        libc::syscall(
            libc::SYS_process_madvise,
            PIDFD_SELF,
            ranges.as_ptr(),
            ranges.len(),
            advice,
            0,
        )
    };
    usize::try_from(done) == Ok(wanted)
        || ranges.iter().all(|range| {
            // SAFETY: as above.
            unsafe { libc::madvise(range.0.iov_base, range.0.iov_len, advice) == 0 }
        })
}
