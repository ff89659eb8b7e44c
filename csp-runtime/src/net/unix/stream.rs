//! `UnixStream`: a connection within one machine.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockAddr;

use super::{convert, open};
use crate::net::methods::{deadlines, handle, stream};
use crate::net::socket::Socket;
use crate::netpoll::Way;
use crate::time;

/// How long a connection waits before it asks again whether the listener has room: the system tells
/// nobody.
const RETRY: Duration = Duration::from_millis(1);

/// A connection to a process, or to this one, on the same machine.
///
/// # Examples
///
/// ```
/// use csp::net::UnixStream;
/// use std::io::{Read, Write};
///
/// let (mut left, mut right) = UnixStream::pair()?;
/// let writer = csp::go!(left.write_all(b"hello").unwrap());
/// let mut text = String::new();
/// right.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// writer.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
pub struct UnixStream(Arc<Socket<net::UnixStream>>);

handle!(UnixStream, net::UnixStream);
deadlines!(UnixStream);
// A read stops short where a descriptor was sent along, with more behind it.
stream!(UnixStream, drains: false);

impl UnixStream {
    /// Connects to the listener at a path; waits while its queue is full.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Self::connect_to(&SockAddr::unix(path)?)
    }

    /// Connects to the listener at an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::connect_to(&convert(address)?)
    }

    #[track_caller]
    fn connect_to(address: &SockAddr) -> io::Result<Self> {
        let socket = open()?;
        loop {
            match socket.connect(address) {
                Ok(()) => return Self::from_nonblocking(socket.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => time::sleep(RETRY),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = net::UnixStream::pair()?;
        Ok((left.try_into()?, right.try_into()?))
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::UnixStream::peer_addr)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::UnixStream::local_addr)
    }
}
