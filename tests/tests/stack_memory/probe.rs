//! What is resident, what the runtime says that it gave back, and deep recursions.

use std::fs;
use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Output};

const PAGE: usize = 4096;
/// The size, and the alignment, of a default slot.
const SLOT: usize = 256 << 10;
/// Tells a child that it is one.
const MARK: &str = "CSP_STACK_MEMORY_CHILD";

/// The pages in memory of the slot that contains `at`.
pub(crate) fn resident_pages(at: usize) -> usize {
    let low = at & !(SLOT - 1);
    let mut file = fs::File::open("/proc/self/pagemap").expect("Linux has it");
    file.seek(SeekFrom::Start((low / PAGE * 8) as u64))
        .expect("it can be sought in");
    let mut entries = vec![0; SLOT / PAGE * 8];
    file.read_exact(&mut entries).expect("the slot is mapped");
    // Bit 63: the page is in memory. A guard is not.
    entries
        .chunks_exact(8)
        .filter(|entry| entry[7] & 0x80 != 0)
        .count()
}

/// A number of `/proc/self/status`.
pub(crate) fn status_kib(field: &str) -> usize {
    number(
        &fs::read_to_string("/proc/self/status").expect("Linux has it"),
        field,
    )
}

fn number(text: &str, field: &str) -> usize {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no {field} in the status"))
}

/// How many mappings the process has.
pub(crate) fn maps() -> usize {
    fs::read_to_string("/proc/self/maps")
        .expect("Linux has it")
        .lines()
        .count()
}

/// How often sysmon's thread has slept.
pub(crate) fn sysmon_wakeups() -> usize {
    for task in fs::read_dir("/proc/self/task").expect("Linux has it") {
        let path = task.expect("a thread").path();
        // It may have ended meanwhile.
        let Ok(name) = fs::read_to_string(path.join("comm")) else {
            continue;
        };
        if name.trim() == "csp-sysmon" {
            let text = fs::read_to_string(path.join("status")).expect("sysmon never ends");
            return number(&text, "voluntary_ctxt_switches:");
        }
    }
    panic!("sysmon is not running");
}

/// Stacks given back, and trimmed.
pub(crate) fn counts() -> (u64, u64) {
    let metrics = csp::runtime::metrics();
    (metrics.stacks_given_back, metrics.stacks_trimmed)
}

/// Uses about `bytes` of stack, with words made from `seed`; returns their sum, read on the way up.
pub(crate) fn deep(bytes: usize, seed: u64) -> u64 {
    deep_with(bytes, seed, &mut || {})
}

/// As [`deep`], and calls `bottom` at the lowest point.
#[inline(never)]
pub(crate) fn deep_with(bytes: usize, seed: u64, bottom: &mut dyn FnMut()) -> u64 {
    let mut words = [0_u64; 128];
    for (at, word) in words.iter_mut().enumerate() {
        *word = (seed ^ at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    black_box(&mut words);
    // A frame is somewhat larger than its words.
    let below = if bytes > 1400 {
        deep_with(bytes - 1400, seed + 1, bottom)
    } else {
        bottom();
        0
    };
    black_box(&mut words);
    let sum = words
        .iter()
        .fold(0_u64, |sum, word| sum.wrapping_add(*word));
    let wanted = (0..128_u64).fold(0_u64, |sum, at| {
        sum.wrapping_add((seed ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    });
    assert_eq!(sum, wanted, "a frame changed while it was not on top");
    sum.wrapping_add(below)
}

/// Whether this process was started by [`child`].
pub(crate) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

fn run(name: &str, vars: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().expect("it has a path"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, name)
        .envs(vars.iter().copied())
        .output()
        .expect("the test starts again")
}

/// Runs the test `name` alone in a process of its own with these variables; it ends by the report of an overflow.
pub(crate) fn overflows(name: &str, vars: &[(&str, &str)]) {
    let output = run(name, vars);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("overflowed its 256 KiB stack"), "{text}");
}

/// Runs the test `name` alone in a process of its own with these variables.
pub(crate) fn child(name: &str, vars: &[(&str, &str)]) {
    let output = run(name, vars);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{vars:?}: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
