//! What all kinds of sockets share: making calls, closing, deadlines.
//!
//! Invariants:
//! - The descriptor does not block. It is open as long as a handle exists, and every call borrows one.
//! - A handle is shared by its clones: they have one descriptor, one pair of deadlines, one end.
//! - After `close` no call succeeds, and each of them says why.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::turn::{Patience, Turn};
use crate::netpoll::{Registration, Way};
use crate::primitive::clock::{self, NEVER};
use crate::protocol::readiness::Seen;
use crate::task::ensure_started;

/// A socket of the standard library, in the netpoller.
pub(super) struct Socket<S> {
    /// Declared first: it ends before the descriptor does.
    registration: Registration,
    io: S,
}

impl<S: AsFd> Socket<S> {
    /// Takes a socket that does not block.
    ///
    /// # Errors
    ///
    /// If the system refuses to watch it, or the runtime its threads.
    pub(super) fn new(io: S) -> io::Result<Arc<Self>> {
        ensure_started()?;
        Ok(Arc::new(Self {
            registration: Registration::new(io.as_fd())?,
            io,
        }))
    }

    /// The socket itself, for what neither waits nor minds a close.
    pub(super) fn get(&self) -> &S {
        &self.io
    }

    /// Takes the socket out of the netpoller. It still does not block.
    ///
    /// # Errors
    ///
    /// If other handles to it exist, or it is closed.
    pub(super) fn into_inner(self: Arc<Self>) -> io::Result<S> {
        self.now(|_| Ok(()))?;
        let Self { registration, io } = Arc::try_unwrap(self)
            .map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "other handles exist"))?;
        drop(registration);
        Ok(io)
    }

    /// Makes a call that reads, waiting until it can be done.
    #[inline]
    #[track_caller]
    pub(super) fn read<T>(&self, call: impl FnMut(&S) -> io::Result<T>) -> io::Result<T> {
        self.call(Way::Read, Patience::UNTIL_READY, call)
    }

    /// Reads from a stream into a buffer with `room`, waiting for data.
    ///
    /// `DRAINS` says that a read which gives less than there is room for leaves nothing behind. Then the next waits
    /// without a call that could only say so: a server's connection is empty after each request.
    #[inline]
    #[track_caller]
    pub(super) fn receive<const DRAINS: bool>(
        &self,
        room: usize,
        mut call: impl FnMut(&S) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let source = &self.registration;
        let mut turn = Turn::new(source, Way::Read, Patience::UNTIL_READY);
        loop {
            let seen = turn.look()?;
            if DRAINS && source.is_drained(seen) {
                if let Err(late) = turn.wait(seen, Location::caller()) {
                    // Nobody may have polled since data came: without this call it would be late before anybody has looked.
                    return match call(&self.io) {
                        Err(error) if is_passing(&error) => Err(late),
                        result => result.map_err(|error| self.explain(error)),
                    };
                }
                continue;
            }
            match call(&self.io) {
                Ok(count) => {
                    if DRAINS && 0 < count && count < room {
                        source.note_drained(seen);
                    }
                    return Ok(count);
                }
                Err(error) => self.retry(&mut turn, seen, error, Location::caller())?,
            }
        }
    }

    /// Makes a call that writes, waiting until it can be done.
    #[inline]
    #[track_caller]
    pub(super) fn write<T>(&self, call: impl FnMut(&S) -> io::Result<T>) -> io::Result<T> {
        self.call(Way::Write, Patience::UNTIL_READY, call)
    }

    /// Makes a call until it does not block.
    #[inline]
    #[track_caller]
    pub(super) fn call<T>(
        &self,
        way: Way,
        patience: Patience,
        mut call: impl FnMut(&S) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut turn = Turn::new(&self.registration, way, patience);
        loop {
            let seen = turn.look()?;
            match call(&self.io) {
                Ok(value) => return Ok(value),
                Err(error) => self.retry(&mut turn, seen, error, Location::caller())?,
            }
        }
    }

    /// After a call that failed: waits if it would have blocked.
    ///
    /// # Errors
    ///
    /// If trying again is of no use, or the wait timed out.
    fn retry(
        &self,
        turn: &mut Turn<'_>,
        seen: Seen,
        error: io::Error,
        at: &'static Location<'static>,
    ) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::WouldBlock => turn.wait(seen, at),
            io::ErrorKind::Interrupted => Ok(()),
            _ => Err(self.explain(error)),
        }
    }

    /// Makes a call that never blocks.
    pub(super) fn now<T>(&self, call: impl FnOnce(&S) -> io::Result<T>) -> io::Result<T> {
        if self.registration.is_closed() {
            return Err(closed());
        }
        call(&self.io).map_err(|error| self.explain(error))
    }

    /// A call that a close has overtaken fails in odd ways: its socket is connected to nothing.
    #[cold]
    fn explain(&self, error: io::Error) -> io::Error {
        if self.registration.is_closed() {
            closed()
        } else {
            error
        }
    }

    /// See the handles' `close`.
    pub(super) fn close(&self) -> io::Result<()> {
        let (wakes, released) = self
            .registration
            .close(self.io.as_fd())
            .ok_or_else(closed)?;
        wakes.ready();
        released
    }

    /// See the handles' `shutdown`.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.now(|io| SockRef::from(io).shutdown(how))?;
        let ways: &[Way] = match how {
            Shutdown::Read => &[Way::Read],
            Shutdown::Write => &[Way::Write],
            Shutdown::Both => &Way::BOTH,
        };
        for way in ways {
            self.registration.nudge(*way).ready();
        }
        Ok(())
    }

    /// See the handles' `set_deadline`.
    pub(super) fn set_deadline(&self, ways: &[Way], deadline: Option<Instant>) -> io::Result<()> {
        self.now(|_| Ok(()))?;
        let deadline = deadline.map_or(NEVER, |at| clock::from_instant(at).min(NEVER - 1));
        for way in ways {
            self.registration.set_deadline(*way, deadline).ready();
        }
        Ok(())
    }

    /// See the handles' `set_read_timeout`.
    pub(super) fn set_timeout(&self, way: Way, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(zero_timeout());
        }
        self.now(|_| Ok(()))?;
        let nanos = timeout.map_or(NEVER, |d| {
            u64::try_from(d.as_nanos()).map_or(NEVER - 1, |nanos| nanos.min(NEVER - 1))
        });
        self.registration.set_timeout(way, nanos);
        Ok(())
    }

    /// See the handles' `read_timeout`.
    pub(super) fn timeout(&self, way: Way) -> io::Result<Option<Duration>> {
        self.now(|_| Ok(()))?;
        let nanos = self.registration.timeout(way);
        Ok((nanos != NEVER).then(|| Duration::from_nanos(nanos)))
    }
}

/// Whether a call that failed so may succeed later.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// The error of a socket that was closed here.
#[cold]
pub(super) fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "use of closed network connection",
    )
}

/// The error of a timeout that the standard library refuses too.
#[cold]
pub(super) fn zero_timeout() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "cannot set a timeout of zero")
}
