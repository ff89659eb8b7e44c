//! The system calls that neither the standard library nor nix has.
//!
//! A call that the system does not know is an answer here, not a failure: the figure is missing then.
#![expect(unsafe_code, reason = "system calls, and a mapping of one's own")]

use std::ptr;
use std::sync::atomic::AtomicU32;

/// `MADV_GUARD_INSTALL` of Linux 6.13.
pub(crate) const GUARD_INSTALL: libc::c_int = 102;
/// `PIDFD_SELF` of Linux 6.14: this process.
const PIDFD_SELF: libc::c_int = -10_000;
/// Of the kernel's `linux/membarrier.h`.
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Anonymous memory without huge pages; nobody has a reference into it, it is only written through [`Region::write`].
pub(crate) struct Region {
    start: *mut u8,
    len: usize,
}

/// Bytes of a region that lives.
#[repr(transparent)]
pub(crate) struct Range(libc::iovec);

impl Region {
    /// Maps `len` bytes, without memory behind them yet.
    pub(crate) fn map(len: usize) -> Option<Region> {
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

    /// Part of the region.
    pub(crate) fn range(&self, offset: usize, len: usize) -> Range {
        assert!(offset + len <= self.len, "inside the region");
        Range(libc::iovec {
            iov_base: self.start.wrapping_add(offset).cast(),
            iov_len: len,
        })
    }

    /// Writes one byte.
    pub(crate) fn write(&self, offset: usize) {
        assert!(offset < self.len, "inside the region");
        let byte = self.start.wrapping_add(offset);
        // SAFETY: inside the mapping (above), which is writable and lives as long as `self`; the region is not `Sync`, and
        // its users write to no page that they have installed a guard in.
        unsafe { byte.write_volatile(1) };
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this mapping is the region's own, and nothing refers to it but ranges, which are read by the kernel only,
        // and which the kernel checks.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// Gives the same advice for all ranges, in one call where the system can, and returns whether it was taken for each.
pub(crate) fn advise(ranges: &[Range], advice: libc::c_int) -> bool {
    assert!(
        [GUARD_INSTALL, libc::MADV_POPULATE_WRITE].contains(&advice),
        "what is known to be harmless for memory that nobody reads"
    );
    let wanted: usize = ranges.iter().map(|range| range.0.iov_len).sum();
    // SAFETY: `Range` is laid out as an `iovec` (`repr(transparent)`), read during
    // the call; each is of a region, of which nobody expects a content (assertion above).
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

/// Waits until a wake-up, unless the word is not `value` any more; may return for no reason.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32) {
    // SAFETY: the word lives during the call, and the kernel reads it only; no timeout.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            ptr::null::<libc::timespec>(),
        )
    };
}

/// Wakes a thread that waits on the word, and returns whether there was one.
pub(crate) fn futex_wake(word: &AtomicU32) -> bool {
    // SAFETY: the word's address is a name only.
    let woken = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1,
        )
    };
    woken == 1
}

/// Asks to be allowed [`barrier`], and returns whether it is.
pub(crate) fn register_barrier() -> bool {
    membarrier(REGISTER_PRIVATE_EXPEDITED)
}

/// Makes each running thread of the process pass a full barrier.
pub(crate) fn barrier() -> bool {
    membarrier(PRIVATE_EXPEDITED)
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: takes three numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
