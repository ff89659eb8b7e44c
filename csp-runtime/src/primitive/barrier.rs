//! The heavy half of an asymmetric fence: a full barrier on every running thread of the process.
//!
//! Linux has a system call for it, `membarrier`; a thread that is not running has passed a barrier when it was
//! switched out. Where it is missing, or forbidden by a sandbox, [`init`] says so, and what needs it has to find
//! another way.
#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "a system call"))]

use std::sync::atomic::{AtomicBool, Ordering};

/// `init` was told that the system can do it.
static READY: AtomicBool = AtomicBool::new(false);

/// Registers the process for [`heavy`], once; `CSP_MEMBARRIER=0` in the environment does without.
pub(crate) fn init() {
    let wanted = std::env::var_os("CSP_MEMBARRIER").is_none_or(|value| value != "0");
    READY.store(wanted && system::register(), Ordering::Release);
}

/// Whether [`heavy`] works here.
pub(crate) fn is_ready() -> bool {
    READY.load(Ordering::Acquire)
}

/// Makes every running thread of the process pass a full barrier between the call and the return. Only if
/// [`is_ready`]. It allocates nothing and takes some microseconds.
///
/// What was promised when the process registered can only be taken back by a sandbox that it enters later. Nothing that
/// relies on the barrier would be sound from then on, so the process ends, and says why.
pub(crate) fn heavy() {
    debug_assert!(is_ready());
    system::barrier();
}

#[cfg(target_os = "linux")]
mod system {
    /// From the kernel's `linux/membarrier.h`.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn call(command: libc::c_int) -> bool {
        // SAFETY: takes three numbers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    pub(super) fn register() -> bool {
        call(REGISTER_PRIVATE_EXPEDITED) && call(PRIVATE_EXPEDITED)
    }

    pub(super) fn barrier() {
        while !call(PRIVATE_EXPEDITED) {
            let error = std::io::Error::last_os_error();
            // Short of kernel memory for a moment.
            if error.raw_os_error() != Some(libc::ENOMEM) {
                refused();
            }
            std::thread::yield_now();
        }
    }

    /// Ends the process, from wherever that is: without a lock or the heap.
    #[cold]
    fn refused() -> ! {
        const TEXT: &[u8] = b"fatal error: the system call membarrier, which worked when csp started, is refused now; if \
            a sandbox forbids it, allow it, or start the program with CSP_MEMBARRIER=0\n";
        // SAFETY: writes constant bytes to a descriptor.
        unsafe { libc::write(libc::STDERR_FILENO, TEXT.as_ptr().cast(), TEXT.len()) };
        // SAFETY: ends the process.
        unsafe { libc::_exit(2) }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn barrier() {
        unreachable!("`register` says no")
    }
}
