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
//! let waiting = csp::go!((&reader).read(&mut [0; 8]).map_err(|error| (error.kind(), reader)));
//! other.set_read_deadline(Some(Instant::now()))?; // ends the wait
//! let (kind, mut reader) = waiting.join().unwrap().unwrap_err();
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

mod lookup;
mod methods;
mod socket;
mod tcp;
mod turn;
mod udp;
mod unix;

pub use lookup::lookup_host;
pub use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, ToSocketAddrs};
pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};

/// Connections that may wait to be accepted; the system has a limit of its own, 4096 by default.
const BACKLOG: i32 = 4096;

/// With which accepted connections are born.
const ACCEPT_FLAGS: i32 = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
