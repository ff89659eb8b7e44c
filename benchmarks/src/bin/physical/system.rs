//! The system calls on threads that neither the standard library nor nix has.
//!
//! A call that the system does not know is an answer here, not a failure: the figure is missing then.
#![expect(unsafe_code, reason = "system calls")]

use std::ptr;
use std::sync::atomic::AtomicU32;

/// Of the kernel's `linux/membarrier.h`.
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

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
