//! The two system calls that neither the standard library nor `mio` offers.
//!
//! - [`replace`] puts one descriptor in the place of another. A socket that is closed while others use it
//!   keeps its *number*, which then names something dead, until the last user is gone. So no call ever acts
//!   on a number that has been given to somebody else, and a `BorrowedFd` taken before stays valid.
//! - [`doze`] waits for a descriptor with a deadline in nanoseconds; `epoll_wait` counts milliseconds.
#![expect(unsafe_code, reason = "dup3 and ppoll")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Lets the number of `fd` name what `by` names, and releases what it named before.
///
/// # Errors
///
/// If the system refuses it.
pub(super) fn replace(fd: BorrowedFd<'_>, by: BorrowedFd<'_>) -> io::Result<()> {
    loop {
        // SAFETY: both descriptors are open, for they are borrowed, and both stay open: the number of `fd`
        // is never free, not even for a moment.
        #[cfg(target_os = "linux")]
        let result = unsafe { libc::dup3(by.as_raw_fd(), fd.as_raw_fd(), libc::O_CLOEXEC) };
        // SAFETY: as above. That a child inherits something dead does no harm.
        #[cfg(not(target_os = "linux"))]
        let result = unsafe { libc::dup2(by.as_raw_fd(), fd.as_raw_fd()) };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Waits until `file` is readable, at most for `limit`. May return early.
#[cfg(target_os = "linux")]
pub(super) fn doze(file: &impl AsRawFd, limit: Duration) {
    let mut poll = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let limit = libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: both structures are locals, the count is that of one, and no signal mask is given. Every
    // result, an error too, counts as an early return.
    let _ = unsafe { libc::ppoll(&raw mut poll, 1, &raw const limit, std::ptr::null()) };
}
