//! Sockets within one machine: streams, listeners and datagrams.

mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::{UnixIncoming, UnixListener};
pub use stream::UnixStream;

use std::io;
use std::os::unix::net::SocketAddr;

use socket2::{Domain, SockAddr, Socket, Type};

/// A stream socket that does not block.
fn open() -> io::Result<Socket> {
    Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)
}

/// The address in the words of `socket2`.
fn convert(address: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = address.as_pathname() {
        return SockAddr::unix(path);
    }
    #[cfg(target_os = "linux")]
    {
        use std::ffi::OsStr;
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;

        if let Some(name) = address.as_abstract_name() {
            // An abstract name is a path that begins with a zero byte.
            return SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat()));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "an unnamed socket has no address",
    ))
}
