//! `UdpSocket`: datagrams.

use std::fmt;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lookup;
use super::methods::{deadlines, handle};
use super::socket::Socket;
use crate::netpoll::Way;

/// A UDP socket.
///
/// Any number of goroutines and threads may receive at the same socket; each datagram goes to one.
///
/// # Examples
///
/// ```
/// use csp::net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let address = server.local_addr()?;
/// let echo = csp::go!({
///     let mut buf = [0; 16];
///     let (len, from) = server.recv_from(&mut buf).unwrap();
///     server.send_to(&buf[..len], from).unwrap();
/// });
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(address)?;
/// client.send(b"ping")?;
/// let mut buf = [0; 16];
/// assert_eq!(client.recv(&mut buf)?, 4);
/// assert_eq!(&buf[..4], b"ping");
/// echo.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
pub struct UdpSocket(Arc<Socket<net::UdpSocket>>);

handle!(UdpSocket, net::UdpSocket);
deadlines!(UdpSocket);

/// Options that are the standard library's, word for word.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*) => {
        impl UdpSocket {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// If the system refuses it, or the socket is closed.
                pub fn $name(&self $(, $arg: $ty)*) -> io::Result<$result> {
                    self.0.now(|io| io.$name($($arg),*))
                }
            )*
        }
    };
}

options! {
    /// The address of this end.
    local_addr() -> SocketAddr;
    /// The address it is connected to.
    peer_addr() -> SocketAddr;
    /// Sets whether datagrams may be sent to a broadcast address.
    set_broadcast(on: bool) -> ();
    /// Whether datagrams may be sent to a broadcast address.
    broadcast() -> bool;
    /// Sets the time to live of the packets sent.
    set_ttl(ttl: u32) -> ();
    /// The time to live of the packets sent.
    ttl() -> u32;
    /// Sets whether multicasts sent here are received here (`IP_MULTICAST_LOOP`).
    set_multicast_loop_v4(on: bool) -> ();
    /// Whether multicasts sent here are received here.
    multicast_loop_v4() -> bool;
    /// Sets the time to live of multicasts.
    set_multicast_ttl_v4(ttl: u32) -> ();
    /// The time to live of multicasts.
    multicast_ttl_v4() -> u32;
    /// As [`set_multicast_loop_v4`](Self::set_multicast_loop_v4), for version 6.
    set_multicast_loop_v6(on: bool) -> ();
    /// As [`multicast_loop_v4`](Self::multicast_loop_v4), for version 6.
    multicast_loop_v6() -> bool;
    /// Joins a multicast group at the interface that has an address.
    join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Leaves a multicast group.
    leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Joins a multicast group at the interface with a number.
    join_multicast_v6(group: &Ipv6Addr, interface: u32) -> ();
    /// Leaves a multicast group.
    leave_multicast_v6(group: &Ipv6Addr, interface: u32) -> ();
}

impl UdpSocket {
    /// Makes a socket at an address; port 0 lets the system choose one. Of several addresses, the first
    /// that can be used is taken.
    ///
    /// # Errors
    ///
    /// If no address can be used.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        lookup::first(address, |address| net::UdpSocket::bind(address)?.try_into())
    }

    /// Sets where [`send`](Self::send) sends to, and receives from there only.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the socket is closed.
    pub fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        lookup::first(address, |address| self.0.now(|io| io.connect(address)))
    }

    /// Sends a datagram to an address, the first if there are several.
    ///
    /// # Errors
    ///
    /// If it is too long, if nobody listens there, or the socket is closed.
    #[track_caller]
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], address: A) -> io::Result<usize> {
        let address = lookup::one(address)?;
        self.0.write(|io| io.send_to(buf, address))
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

    /// As [`recv_from`](Self::recv_from), and leaves the datagram for the next call.
    ///
    /// # Errors
    ///
    /// If the wait timed out, or the socket is closed.
    #[track_caller]
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.read(|io| io.peek_from(buf))
    }

    /// Sends a datagram to where the socket is connected to.
    ///
    /// # Errors
    ///
    /// If it is not connected, if nobody listens there, or the socket is closed.
    #[track_caller]
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(|io| io.send(buf))
    }

    /// Waits for a datagram; returns its length, cut off at that of `buf`.
    ///
    /// # Errors
    ///
    /// If nobody listens where the socket is connected to, if the wait timed out, or the socket is
    /// closed.
    #[track_caller]
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(|io| io.recv(buf))
    }

    /// As [`recv`](Self::recv), and leaves the datagram for the next call.
    ///
    /// # Errors
    ///
    /// As `recv`.
    #[track_caller]
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(|io| io.peek(buf))
    }
}
