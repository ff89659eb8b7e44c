//! Memory that the machine has before anybody needs it.
//!
//! The first one to touch a page that a virtual machine's host has taken back, or never gave, waits for the host, several
//! times as long as the system takes for the page otherwise. Whoever runs first would pay that for all who come after, and
//! who takes the most memory would pay where the others need not. So before each run of a workload that takes much, the
//! driver takes as much as any of the programs will, and gives it back: everybody finds the same.

use std::fs;
use std::hint;

/// The smallest page there is.
const PAGE: usize = 4096;
/// Of the memory that is available, no more than this part is touched.
const MOST: usize = 2;

/// Touches so many bytes, or half of what is available, and gives them back.
pub(crate) fn warm(bytes: usize) {
    let bytes = bytes.min(available() / MOST);
    let mut memory = Vec::new();
    if bytes == 0 || memory.try_reserve_exact(bytes).is_err() {
        return;
    }
    for page in memory.spare_capacity_mut().chunks_mut(PAGE) {
        page[0].write(1_u8);
    }
    hint::black_box(&memory);
}

/// Bytes that programs can have; none if the system does not say.
fn available() -> usize {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    parse_available(&meminfo).unwrap_or(0)
}

fn parse_available(meminfo: &str) -> Option<usize> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_read_from_the_system() {
        let meminfo = "MemTotal:       24684084 kB\nMemFree: 7 kB\nMemAvailable:   23424104 kB\n";
        assert_eq!(parse_available(meminfo), Some(23_424_104 * 1024));
        assert_eq!(parse_available("MemTotal: 1 kB\n"), None);
        warm(3 * PAGE + 1);
        warm(0);
    }
}
