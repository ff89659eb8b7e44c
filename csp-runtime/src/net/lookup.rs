//! From names to addresses.
//!
//! The C library resolves names, blocking its thread meanwhile; so that runs as a blocking call.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::vec;

use crate::blocking::blocking;

/// Resolves a name, or parses an address: `"host:port"` or `("host", port)`.
///
/// # Errors
///
/// If the text is neither, or the name is not known.
///
/// # Examples
///
/// ```
/// let addresses: Vec<_> = csp::net::lookup_host("127.0.0.1:80")?.collect();
/// assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
/// assert!(csp::net::lookup_host(("localhost", 80))?.next().is_some());
/// # std::io::Result::Ok(())
/// ```
pub fn lookup_host(host: impl ToSocketAddrs) -> io::Result<vec::IntoIter<SocketAddr>> {
    let addresses: Vec<_> = blocking(|| host.to_socket_addrs())?.collect();
    Ok(addresses.into_iter())
}

/// The result of `f` for the first address for which it succeeds, or the last error.
pub(super) fn first<T>(
    address: impl ToSocketAddrs,
    mut f: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut failed = None;
    for address in blocking(|| address.to_socket_addrs())? {
        match f(address) {
            Ok(value) => return Ok(value),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(nowhere))
}

/// The first address alone.
pub(super) fn one(address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    blocking(|| address.to_socket_addrs())?
        .next()
        .ok_or_else(nowhere)
}

#[cold]
pub(super) fn nowhere() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "could not resolve to any addresses",
    )
}
