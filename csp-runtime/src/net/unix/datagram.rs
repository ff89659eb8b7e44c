//! `UnixDatagram`: datagrams within one machine, none of which is lost.
//!
//! Sending waits while the receiver's queue is full. For a connected socket the system reports when there is
//! room again. For one that names its receiver in each call it never does (it looks at the sender's own
//! buffer only), so such a call is tried again every millisecond.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::methods::{deadlines, handle};
use crate::net::socket::Socket;
use crate::net::turn::Patience;
use crate::netpoll::Way;

/// A Unix datagram socket.
///
/// # Examples
///
/// ```
/// use csp::net::UnixDatagram;
///
/// let (left, right) = UnixDatagram::pair()?;
/// let sender = csp::go!(left.send(b"ping").unwrap());
/// let mut buf = [0; 16];
/// assert_eq!(right.recv(&mut buf)?, 4);
/// assert_eq!(&buf[..4], b"ping");
/// sender.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
pub struct UnixDatagram(Arc<Socket<net::UnixDatagram>>);

handle!(UnixDatagram, net::UnixDatagram);
deadlines!(UnixDatagram);

impl UnixDatagram {
    /// Makes a socket at a path, which must not exist. The file stays when the socket ends.
    ///
    /// # Errors
    ///
    /// If the path exists or cannot be made.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        net::UnixDatagram::bind(path)?.try_into()
    }

    /// Makes a socket at an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// If the address is in use or cannot be made.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        net::UnixDatagram::bind_addr(address)?.try_into()
    }

    /// Makes a socket without an address, which can send and not be sent to.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left.
    pub fn unbound() -> io::Result<Self> {
        net::UnixDatagram::unbound()?.try_into()
    }

    /// Makes two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = net::UnixDatagram::pair()?;
        Ok((left.try_into()?, right.try_into()?))
    }

    /// Sets where [`send`](Self::send) sends to, and receives from there only.
    ///
    /// # Errors
    ///
    /// If there is no socket at that path, or this one is closed.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.0.now(|io| io.connect(path))
    }

    /// As [`connect`](Self::connect), to an address.
    ///
    /// # Errors
    ///
    /// If there is no socket at that address, or this one is closed.
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.0.now(|io| io.connect_addr(address))
    }

    /// Sends a datagram to the socket at a path; waits while its queue is full.
    ///
    /// # Errors
    ///
    /// If there is no socket at that path, if the datagram is too long, if the wait timed out, or this
    /// socket is closed.
    #[track_caller]
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        let path = path.as_ref();
        self.0
            .call(Way::Write, Patience::BLIND, |io| io.send_to(buf, path))
    }

    /// As [`send_to`](Self::send_to), to an address.
    ///
    /// # Errors
    ///
    /// As `send_to`.
    #[track_caller]
    pub fn send_to_addr(&self, buf: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.0.call(Way::Write, Patience::BLIND, |io| {
            io.send_to_addr(buf, address)
        })
    }

    /// Waits for a datagram; returns its length, cut off at that of `buf`, and where it came from.
    ///
    /// # Errors
    ///
    /// If the wait timed out, or the socket is closed.
    #[track_caller]
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.read(|io| io.recv_from(buf))
    }

    /// Sends a datagram to where the socket is connected to; waits while the queue there is full.
    ///
    /// # Errors
    ///
    /// If it is not connected, or its peer has gone, if the datagram is too long, if the wait timed out,
    /// or the socket is closed.
    #[track_caller]
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(|io| io.send(buf))
    }

    /// Waits for a datagram; returns its length, cut off at that of `buf`.
    ///
    /// # Errors
    ///
    /// If the wait timed out, or the socket is closed.
    #[track_caller]
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(|io| io.recv(buf))
    }

    /// Shuts down receiving, sending or both. Whoever waits in that direction returns.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the socket is closed.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// The address it is connected to.
    ///
    /// # Errors
    ///
    /// If it is not connected, or closed.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::UnixDatagram::peer_addr)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::UnixDatagram::local_addr)
    }
}
