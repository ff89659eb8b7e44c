//! `TcpListener`: where connections arrive.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::{self, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use socket2::SockRef;

use super::{TcpStream, open};
use crate::net::lookup;
use crate::net::methods::{accept_deadline, handle};
use crate::net::socket::Socket;
use crate::net::{ACCEPT_FLAGS, BACKLOG};
use crate::netpoll::Way;

/// A TCP socket that accepts connections.
///
/// Any number of goroutines and threads may accept at the same listener; each connection wakes one.
///
/// # Examples
///
/// ```
/// use csp::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = csp::go!({
///     let (mut stream, _) = listener.accept().unwrap();
///     stream.write_all(b"hello").unwrap();
/// });
/// let mut text = String::new();
/// TcpStream::connect(address)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
pub struct TcpListener(Arc<Socket<net::TcpListener>>);

handle!(TcpListener, net::TcpListener);
accept_deadline!(TcpListener);

impl TcpListener {
    /// Listens at an address; port 0 lets the system choose one. Of several addresses, the first that
    /// can be used is taken.
    ///
    /// The address may be used again right after the listener has ended (`SO_REUSEADDR`, as in the
    /// standard library).
    ///
    /// # Errors
    ///
    /// If no address can be used.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        lookup::first(address, |address| {
            let socket = open(address)?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            Self::from_nonblocking(socket.into())
        })
    }

    /// Waits for a connection; returns it and the address of its other end.
    ///
    /// # Errors
    ///
    /// If the process has no descriptor left (the connection stays in the queue then), if the deadline
    /// is past, or the listener is closed.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, address) = self.0.read(|io| SockRef::from(io).accept4(ACCEPT_FLAGS))?;
        let address = address
            .as_socket()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an internet address"))?;
        Ok((TcpStream::from_nonblocking(socket.into())?, address))
    }

    /// Iterates over the connections that arrive, waiting for each. It never ends: errors, also that of
    /// a closed listener, are items.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let clients = csp::go!((0..3).map(|_| TcpStream::connect(address)).collect::<Vec<_>>());
    /// let accepted: Vec<_> = listener.incoming().take(3).collect::<Result<_, _>>()?;
    /// assert_eq!(accepted.len(), clients.join().unwrap().len());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// The address it listens at.
    ///
    /// # Errors
    ///
    /// If the listener is closed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::TcpListener::local_addr)
    }

    /// Sets the time to live of the packets sent.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the listener is closed.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.now(|io| io.set_ttl(ttl))
    }

    /// The time to live of the packets sent.
    ///
    /// # Errors
    ///
    /// If the listener is closed.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.now(net::TcpListener::ttl)
    }
}

/// The connections that arrive at a [`TcpListener`].
#[derive(Debug)]
pub struct Incoming<'a>(&'a TcpListener);

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
