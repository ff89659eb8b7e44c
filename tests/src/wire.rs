//! What the tests of sockets share: connected pairs, paths for Unix sockets, the count of descriptors.

use csp::net::{TcpListener, TcpStream};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Two ends of one TCP connection on loopback.
///
/// # Panics
///
/// If the system refuses it.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    let (server, from) = listener.accept().expect("the connection is there");
    assert_eq!(from, client.local_addr().expect("it is connected"));
    (client, server)
}

/// How many descriptors the process has open, one for the count itself included.
///
/// # Panics
///
/// If the system does not tell.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd")
        .expect("the list of descriptors")
        .count()
}

/// Lets the process have `count` descriptors, or as many as it may.
///
/// # Panics
///
/// If the system refuses it.
#[expect(unsafe_code, reason = "the standard library has no limits")]
pub fn limit_descriptors(count: u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes to a local.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(got, 0, "the limit can be read");
    limit.rlim_cur = count.min(limit.rlim_max);
    // SAFETY: reads from a local.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(set, 0, "the limit can be set");
}

/// A path that no other test uses; removed when dropped.
#[derive(Debug)]
pub struct SocketPath(PathBuf);

impl SocketPath {
    /// Makes a new path, at which nothing is.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("csp-test-{}-{n}", process::id())))
    }
}

impl Default for SocketPath {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<Path> for SocketPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        // A test that failed early has made nothing there.
        let _ = fs::remove_file(&self.0);
    }
}
