//! How much memory the process has.
//!
//! Resident memory of the process itself, `VmRSS`. Page tables are not in it: they are the kernel's, and a stack in a
//! mapping of its own costs some that an object on the heap does not.

use std::fs;

/// Returns the resident bytes of this process.
///
/// # Panics
///
/// If `/proc/self/status` does not say.
pub fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib
        .and_then(|kib| kib.parse().ok())
        .expect("VmRSS is a number");
    kib * 1024.0
}
