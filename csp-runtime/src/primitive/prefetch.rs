//! A hint that memory will soon be written.

/// Asks the processor to fetch the cache lines of `bytes` bytes from `at` on. Any address will do.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a processor instruction")]
pub(crate) fn prefetch(at: *const u8, bytes: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    for line in (0..bytes).step_by(64) {
        // SAFETY: a prefetch neither faults nor changes anything, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(line).cast()) };
    }
}

/// Asks the processor to fetch the cache lines of `bytes` bytes from `at` on. Not possible here.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch(_at: *const u8, _bytes: usize) {}
