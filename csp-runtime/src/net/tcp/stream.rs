//! `TcpStream`: a connection.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::open;
use crate::net::lookup;
use crate::net::methods::{deadlines, handle, stream};
use crate::net::socket::{Socket, zero_timeout};
use crate::net::turn::Patience;
use crate::netpoll::Way;
use crate::primitive::clock::{self, NEVER};

/// A TCP connection.
///
/// [`Read`] and [`Write`] are there for the handle and for references to it, so that one goroutine can read
/// while another writes.
///
/// # Examples
///
/// ```
/// use csp::net::{Shutdown, TcpListener, TcpStream};
/// use std::io::{self, Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let echo = csp::go!({
///     let (stream, _) = listener.accept().unwrap();
///     io::copy(&mut &stream, &mut &stream).unwrap()
/// });
/// let mut stream = TcpStream::connect(address)?;
/// stream.write_all(b"there and back")?;
/// stream.shutdown(Shutdown::Write)?;
/// let mut text = String::new();
/// stream.read_to_string(&mut text)?;
/// assert_eq!(text, "there and back");
/// assert_eq!(echo.join().unwrap(), 14);
/// # io::Result::Ok(())
/// ```
pub struct TcpStream(Arc<Socket<net::TcpStream>>);

handle!(TcpStream, net::TcpStream);
deadlines!(TcpStream);
stream!(TcpStream, drains: cfg!(target_os = "linux"));

impl TcpStream {
    /// Connects to an address. Of several, the first that answers is taken.
    ///
    /// # Errors
    ///
    /// If none can be reached: the last one's error.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        // Not in a closure: the caller's place would be lost.
        let mut failed = None;
        for address in lookup::lookup_host(address)? {
            match Self::connect_until(address, NEVER) {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(lookup::nowhere))
    }

    /// Connects to an address, waiting at most for `timeout`.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, in time (kind `TimedOut`) or at all, or the timeout is zero.
    #[track_caller]
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(zero_timeout());
        }
        Self::connect_until(*address, clock::deadline(timeout))
    }

    #[track_caller]
    fn connect_until(address: SocketAddr, deadline: u64) -> io::Result<Self> {
        let socket = open(address)?;
        match socket.connect(&address.into()) {
            Ok(()) => return Self::from_nonblocking(socket.into()),
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error),
        }
        // Registered after the call: a socket that nobody has connected counts as hung up. If the
        // connection is there already, registering reports it.
        let stream = Self::from_nonblocking(socket.into())?;
        stream
            .0
            .call(Way::Write, Patience::until(deadline), is_connected)?;
        Ok(stream)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// If the connection was reset, or the socket is closed.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::TcpStream::peer_addr)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::TcpStream::local_addr)
    }

    /// Reads, and leaves what it reads for the next call; waits for data.
    ///
    /// # Errors
    ///
    /// Those of reading.
    #[track_caller]
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(|io| io.peek(buf))
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the socket is closed.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.now(|io| io.set_nodelay(nodelay))
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.now(net::TcpStream::nodelay)
    }

    /// Sets what becomes of unsent data when the socket is closed (`SO_LINGER`): sent in the background
    /// (`None`), thrown away with a reset (zero), or sent while the close blocks its thread for at most
    /// that long, in whole seconds.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the socket is closed.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.0.now(|io| SockRef::from(io).set_linger(linger))
    }

    /// What becomes of unsent data when the socket is closed.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.now(|io| SockRef::from(io).linger())
    }

    /// Sets the time to live of the packets sent.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the socket is closed.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.now(|io| io.set_ttl(ttl))
    }

    /// The time to live of the packets sent.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.now(net::TcpStream::ttl)
    }
}

/// Whether a connection that did not come about at once still may.
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::Interrupted
}

/// The end of a connection attempt, or `WouldBlock`.
fn is_connected(io: &net::TcpStream) -> io::Result<()> {
    if let Some(error) = io.take_error()? {
        return Err(error);
    }
    match io.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}
