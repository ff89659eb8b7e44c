//! `UnixListener`: where connections from the same machine arrive.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use socket2::SockAddr;

use super::{UnixStream, convert, open};
use crate::net::BACKLOG;
use crate::net::methods::{accept_deadline, handle};
use crate::net::socket::Socket;
use crate::netpoll::Way;

/// A Unix socket that accepts connections.
///
/// # Examples
///
/// ```
/// use csp::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// let path = std::env::temp_dir().join(format!("csp-doc-listener-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let server = csp::go!({
///     let (mut stream, _) = listener.accept().unwrap();
///     stream.write_all(b"hello").unwrap();
/// });
/// let mut text = String::new();
/// UnixStream::connect(&path)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.join().unwrap();
/// std::fs::remove_file(path)?;
/// # std::io::Result::Ok(())
/// ```
pub struct UnixListener(Arc<Socket<net::UnixListener>>);

handle!(UnixListener, net::UnixListener);
accept_deadline!(UnixListener);

impl UnixListener {
    /// Listens at a path, which must not exist. The file stays when the listener ends.
    ///
    /// # Errors
    ///
    /// If the path exists or cannot be made.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Self::listen(&SockAddr::unix(path)?)
    }

    /// Listens at an address, which may be an abstract name.
    ///
    /// # Errors
    ///
    /// If the address is in use or cannot be made.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::listen(&convert(address)?)
    }

    fn listen(address: &SockAddr) -> io::Result<Self> {
        let socket = open()?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?;
        Self::from_nonblocking(socket.into())
    }

    /// Waits for a connection; returns it and the address of its other end, which most often has none.
    ///
    /// # Errors
    ///
    /// If the process has no descriptor left (the connection stays in the queue then), if the deadline
    /// is past, or the listener is closed.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, address) = self.0.read(net::UnixListener::accept)?;
        Ok((stream.try_into()?, address))
    }

    /// Iterates over the connections that arrive, waiting for each. It never ends: errors, also that of
    /// a closed listener, are items.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming(self)
    }

    /// The address it listens at.
    ///
    /// # Errors
    ///
    /// If the listener is closed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.now(net::UnixListener::local_addr)
    }
}

/// The connections that arrive at a [`UnixListener`].
#[derive(Debug)]
pub struct UnixIncoming<'a>(&'a UnixListener);

impl Iterator for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for UnixIncoming<'_> {}

/// As [`incoming`](UnixListener::incoming).
impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = UnixIncoming<'a>;

    fn into_iter(self) -> UnixIncoming<'a> {
        self.incoming()
    }
}
