//! A socket's time in the netpoller, from its making to its end.
//!
//! ```text
//!   new: take a source, register ──▶ open ── close ──▶ closed ── drop ──▶ source goes to the next
//!                                      └───────── drop ──────────────────────▲
//! ```
//!
//! **Close and drop are two things.** A handle can be closed while other goroutines use it. They must not go
//! on with a number that the system has given to another socket meanwhile. So `close` releases the socket
//! but keeps the number, which from then on names a socket connected to nothing; the number is given back
//! when the last handle is dropped, and nobody can be in a call any more. A count of users around each
//! call, as in Go, would give the number back earlier; but it costs two locked instructions a call, and it
//! would leave a `BorrowedFd` taken before dangling.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::poller::Poller;
use super::source::Source;
use super::{slab, syscall};
use crate::waitlist::Wakes;

/// A socket's right to its source. The owner of the socket drops it before the socket.
pub(crate) struct Registration {
    source: &'static Source,
    poller: &'static Poller,
    /// The socket's number, which stays open as long as this exists.
    fd: RawFd,
}

impl Registration {
    /// Registers a non-blocking socket for both directions.
    ///
    /// # Errors
    ///
    /// If the system refuses to watch it.
    pub(crate) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let poller = Poller::start()?;
        let source = slab::take();
        let generation = source.open();
        let fd = fd.as_raw_fd();
        let registered = poller.register(fd, slab::token(source, generation));
        if let Err(error) = registered {
            source.retire();
            slab::give_back(source);
            return Err(error);
        }
        Ok(Self { source, poller, fd })
    }

    /// Releases the socket `fd`, which is the one registered, while its number stays. Returns whom that
    /// wakes; `None` if it was closed before.
    ///
    /// # Errors
    ///
    /// If the system refuses to release it; it counts as closed all the same.
    pub(crate) fn close(&self, fd: BorrowedFd<'_>) -> Option<(Wakes, io::Result<()>)> {
        let wakes = self.source.close()?;
        self.poller.deregister(self.fd);
        Some((wakes, syscall::replace(fd, self.poller.dead())))
    }
}

impl Deref for Registration {
    type Target = Source;

    #[inline]
    fn deref(&self) -> &Source {
        self.source
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.source.is_closed() {
            // Closing the number would do it too, unless somebody has duplicated it.
            self.poller.deregister(self.fd);
        }
        self.source.retire();
        slab::give_back(self.source);
    }
}
