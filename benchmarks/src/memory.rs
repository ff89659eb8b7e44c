//! How much memory the process has.
//!
//! Resident memory of the process itself, `VmRSS`, and the page tables that the kernel keeps for it, `VmPTE`: a stack in a
//! place of its own costs more of these than an object on the heap.

use std::fs;

/// Returns the bytes of memory that this process takes.
///
/// # Panics
///
/// If `/proc/self/status` does not say.
pub fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is a /proc");
    (kib(&status, "VmRSS:") + kib(&status, "VmPTE:")) * 1024.0
}

fn kib(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{name} is not followed by a number"))
}
