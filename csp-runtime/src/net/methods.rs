//! The methods that several kinds of sockets have in the same words.
//!
//! Macros, because the words are documentation as much as code: a trait would hide them from whoever looks
//! at the page of a type, and would have to be imported.

/// What every handle has: clones, closing, conversions.
macro_rules! handle {
    ($name:ident, $std:ty) => {
        impl $name {
            pub(in crate::net) fn from_nonblocking(io: $std) -> io::Result<Self> {
                Socket::new(io).map(Self)
            }

            /// Makes another handle to the same socket. Both have the same timeouts and deadlines, and
            /// closing one closes the other.
            ///
            /// It takes no descriptor and does not fail; the result is as in the standard library.
            ///
            /// # Errors
            ///
            /// None.
            pub fn try_clone(&self) -> io::Result<Self> {
                Ok(Self(std::sync::Arc::clone(&self.0)))
            }

            /// Closes the socket, as Go's `Close`: whoever waits at any handle of it returns at once with
            /// an error, and so does every later call. Its kind is `NotConnected`, its text
            /// `use of closed network connection`.
            ///
            /// Dropping the last handle closes the socket too. The descriptor's number is given back then
            /// and not before, so that no call that is under way meets another socket there.
            ///
            /// # Errors
            ///
            /// If the socket is closed already.
            pub fn close(&self) -> io::Result<()> {
                self.0.close()
            }

            /// Takes the error that the system keeps for the socket, if there is one.
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.0.now(|io| io.take_error())
            }

            /// Turns the handle into the standard library's, whose calls block their thread.
            ///
            /// # Errors
            ///
            /// If other handles to the socket exist (kind `ResourceBusy`), or it is closed. The handle is
            /// dropped.
            pub fn into_std(self) -> io::Result<$std> {
                let io = self.0.into_inner()?;
                io.set_nonblocking(false)?;
                Ok(io)
            }
        }

        /// Takes over a socket of the standard library; timeouts set there are not kept.
        ///
        /// Not `From`: the system may refuse to watch the socket. It is closed then.
        impl TryFrom<$std> for $name {
            type Error = io::Error;

            fn try_from(io: $std) -> io::Result<Self> {
                io.set_nonblocking(true)?;
                Self::from_nonblocking(io)
            }
        }

        /// Takes over a descriptor, which must be that of a socket of this kind; as in the standard library,
        /// nobody checks that. Timeouts are not kept.
        ///
        /// Not `From`, as there: the system may refuse to watch it. It is closed then.
        impl TryFrom<OwnedFd> for $name {
            type Error = io::Error;

            fn try_from(fd: OwnedFd) -> io::Result<Self> {
                <$std>::from(fd).try_into()
            }
        }

        /// Gives the descriptor away, as `into_std` does: calls that use it block their thread.
        ///
        /// Not `From`, as in the standard library: other handles may exist, or the socket be closed. The
        /// handle is dropped then.
        impl TryFrom<$name> for OwnedFd {
            type Error = io::Error;

            fn try_from(socket: $name) -> io::Result<Self> {
                socket.into_std().map(Self::from)
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.get().as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.0.get().as_raw_fd()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.get().fmt(f)
            }
        }

        // A panic leaves a socket whole: no user code runs under its locks.
        impl UnwindSafe for $name {}
        impl RefUnwindSafe for $name {}
    };
}

/// Timeouts and deadlines of a socket that reads and writes.
macro_rules! deadlines {
    ($name:ident) => {
        impl $name {
            /// Sets how long one call that reads may wait; `None` is for ever.
            ///
            /// A call that waits longer fails with the kind `TimedOut`. (The standard library says
            /// `WouldBlock` on Unix.) A call that is waiting now keeps the timeout it began with.
            ///
            /// # Errors
            ///
            /// If the duration is zero, or the socket is closed.
            pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.0.set_timeout(Way::Read, timeout)
            }

            /// Sets how long one call that writes may wait; as
            /// [`set_read_timeout`](Self::set_read_timeout).
            ///
            /// # Errors
            ///
            /// If the duration is zero, or the socket is closed.
            pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.0.set_timeout(Way::Write, timeout)
            }

            /// How long one call that reads may wait.
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
                self.0.timeout(Way::Read)
            }

            /// How long one call that writes may wait.
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
                self.0.timeout(Way::Write)
            }

            /// Sets the moment from which calls that read fail with the kind `TimedOut`, also if data is
            /// there; `None` is never. As Go's `SetReadDeadline`: it holds for calls that are waiting
            /// now, too, so a past moment ends them at once.
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn set_read_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Way::Read], deadline)
            }

            /// Sets the moment from which calls that write fail; as
            /// [`set_read_deadline`](Self::set_read_deadline).
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn set_write_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Way::Write], deadline)
            }

            /// Sets both deadlines; see [`set_read_deadline`](Self::set_read_deadline).
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn set_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&Way::BOTH, deadline)
            }
        }
    };
}

/// The one deadline of a socket that accepts.
macro_rules! accept_deadline {
    ($name:ident) => {
        impl $name {
            /// Sets the moment from which [`accept`](Self::accept) fails with the kind `TimedOut`; `None`
            /// is never. It holds for calls that are waiting now, too.
            ///
            /// # Errors
            ///
            /// If the socket is closed.
            pub fn set_deadline(&self, deadline: Option<Instant>) -> io::Result<()> {
                self.0.set_deadline(&[Way::Read], deadline)
            }
        }
    };
}

/// Reading and writing a stream, through the handle and through references to it. `drains`: see `Socket::receive`.
macro_rules! stream {
    ($name:ident, drains: $drains:expr) => {
        impl $name {
            /// Shuts down reading, writing or both. Whoever waits in that direction returns: a reader at
            /// the end of the data, a writer with an error. After the writing half, the peer reads to
            /// the end of the data while this side can go on reading.
            ///
            /// # Errors
            ///
            /// If the peer has gone, or the socket is closed.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.0.shutdown(how)
            }
        }

        impl Read for &$name {
            #[inline]
            #[track_caller]
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0
                    .receive::<{ $drains }>(buf.len(), |mut io| io.read(buf))
            }

            #[track_caller]
            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.read(|mut io| io.read_vectored(bufs))
            }
        }

        impl Read for $name {
            #[inline]
            #[track_caller]
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                (&*self).read(buf)
            }

            #[track_caller]
            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl Write for &$name {
            #[inline]
            #[track_caller]
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.0.write(|mut io| io.write(buf))
            }

            #[track_caller]
            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.write(|mut io| io.write_vectored(bufs))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl Write for $name {
            #[inline]
            #[track_caller]
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                (&*self).write(buf)
            }

            #[track_caller]
            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(super) use {accept_deadline, deadlines, handle, stream};
