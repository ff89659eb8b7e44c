//! Sockets whose calls wait as goroutines do: the goroutine parks, its thread goes on with others.
//!
//! Names and signatures are those of [`std::net`] and [`std::os::unix::net`]; what is added is Go's.
//!
//! | type | beside the standard library's |
//! |---|---|
//! | [`TcpListener`], [`UnixListener`] | `close`, `set_deadline` |
//! | [`TcpStream`], [`UnixStream`] | `close`, `set_deadline`, `set_read_deadline`, `set_write_deadline` |
//! | [`UdpSocket`], [`UnixDatagram`] | the same |
//! | [`lookup_host`] | names to addresses |
//!
//! ```
//! use csp::net::{TcpListener, TcpStream};
//! use std::io::{BufRead, BufReader, Write};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! csp::go!({
//!     for stream in listener.incoming() {
//!         let mut stream = stream.unwrap();
//!         csp::go!(writeln!(stream, "response from server").unwrap());
//!     }
//! });
//! for _ in 0..3 {
//!     let stream = TcpStream::connect(address)?;
//!     let mut line = String::new();
//!     BufReader::new(stream).read_line(&mut line)?;
//!     assert_eq!(line, "response from server\n");
//! }
//! # std::io::Result::Ok(())
//! ```
//!
//! # Waiting
//!
//! A call is tried first; only one that would have blocked waits. On a plain thread it blocks the thread.
//! Any number of tasks may wait at one socket: its methods take `&self`, and `try_clone` makes further
//! handles to the same socket.
//!
//! # How a wait ends
//!
//! | by | result |
//! |---|---|
//! | the socket | that of the call |
//! | a timeout, for each call (`set_read_timeout`) | kind `TimedOut` |
//! | a deadline, for the socket (`set_read_deadline`); it may be changed while others wait | kind `TimedOut` |
//! | `shutdown` of that half | end of data, or an error from writing |
//! | `close` at any handle | kind `NotConnected`, `use of closed network connection` |
//!
//! ```
//! use csp::net::{TcpListener, TcpStream};
//! use std::io::{ErrorKind, Read};
//! use std::time::Instant;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let stream = TcpStream::connect(listener.local_addr()?)?;
//! let (other, reader) = (stream.try_clone()?, stream);
//! let waiting = csp::go!({
//!     let error = (&reader).read(&mut [0; 8]).unwrap_err();
//!     (error.kind(), reader)
//! });
//! other.set_read_deadline(Some(Instant::now()))?; // ends the wait
//! let (kind, mut reader) = waiting.join().unwrap();
//! assert_eq!(kind, ErrorKind::TimedOut);
//!
//! other.close()?; // closes every handle
//! assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::NotConnected);
//! # std::io::Result::Ok(())
//! ```
//!
//! # Options
//!
//! The handles implement [`AsFd`](std::os::fd::AsFd), so `socket2::SockRef::from(&stream)` sets whatever the
//! system knows. The descriptor must stay non-blocking.
//!
//! # Differences from std
//!
//! | std | here |
//! |---|---|
//! | `set_nonblocking` | is not there: a deadline that is past fails at once, also if data is there; a short timeout tries first |
//! | a timeout gives `WouldBlock` on Unix | it gives `TimedOut` |
//! | `try_clone` makes another descriptor | it makes another handle to the same one: timeouts, deadlines and `close` hold for all |
//! | a socket ends when it is dropped | or at `close`; the descriptor's number is kept until the last handle is dropped |
//! | `From<OwnedFd>`, `From<TcpStream> for OwnedFd` | `TryFrom`: the system may refuse to watch the socket, and other handles to it may exist |
//! | `IntoRawFd`, `FromRawFd` | are not there, for the same reason; go through [`OwnedFd`](std::os::fd::OwnedFd) |
//! | reading into an empty buffer waits for data (on Linux), and a timeout there is no error | it waits too, and fails as every read after a timeout, a deadline or `close`; Go's returns at once |
//! | `std::os::unix::net::Incoming` | [`UnixIncoming`], as both are in one module |
//! | `std::os::unix::net::SocketAddr` | is used from there |
//!
//! To port a program, change the `use` lines, and `TcpStream::from(fd)` to `TcpStream::try_from(fd)?`. A socket that
//! another library has made comes in by `TcpStream::try_from(std_stream)?` and goes out by `into_std`.
//!
//! ```
//! use csp::net::UnixStream;
//! use std::io::{Read, Write};
//! use std::os::fd::OwnedFd;
//!
//! let (near, mut far) = std::os::unix::net::UnixStream::pair()?;
//! let mut near = UnixStream::try_from(near)?;
//! near.write_all(b"x")?;
//! far.read_exact(&mut [0])?;
//! let fd = OwnedFd::try_from(near)?;
//! assert!(UnixStream::try_from(fd).is_ok());
//! # std::io::Result::Ok(())
//! ```
//!
//! # In `go!`
//!
//! [`go!`](crate::go!) evaluates the receiver and the arguments of a call now, in the caller. So
//! `go!((&stream).write_all(&buf))` would borrow both from the caller, and does not compile. A block is moved
//! into the goroutine whole:
//!
//! ```
//! use csp::net::UnixStream;
//! use std::io::{Read, Write};
//!
//! let (stream, mut peer) = UnixStream::pair()?;
//! let buf = *b"hello";
//! let writer = csp::go!({ (&stream).write_all(&buf) });
//! let mut text = String::new();
//! peer.read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! writer.join().unwrap()?;
//! # std::io::Result::Ok(())
//! ```

mod lookup;
mod methods;
mod socket;
mod tcp;
mod turn;
mod udp;
mod unix;

pub use lookup::lookup_host;
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
    ToSocketAddrs,
};
pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};

/// Connections that may wait to be accepted; the system has a limit of its own, 4096 by default.
const BACKLOG: i32 = 4096;

/// With which accepted connections are born.
const ACCEPT_FLAGS: i32 = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
