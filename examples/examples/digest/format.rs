//! One line of `sha256sum`: the sum in hexadecimal, two spaces, the name.
//!
//! A name with a backslash, newline or carriage return is escaped so that it stays on its line, and
//! a backslash before the sum says so.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The line for `path`, with its newline; the name's bytes need not be UTF-8.
pub(crate) fn line(sum: &[u8; 32], path: &Path) -> Vec<u8> {
    let name = path.as_os_str().as_bytes();
    let mut line = Vec::with_capacity(2 * sum.len() + name.len() + 4);
    if name.iter().any(|byte| escape(*byte).is_some()) {
        line.push(b'\\');
    }
    for byte in sum {
        line.push(hex(byte >> 4));
        line.push(hex(byte & 15));
    }
    line.extend_from_slice(b"  ");
    for &byte in name {
        match escape(byte) {
            Some(letter) => line.extend([b'\\', letter]),
            None => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

/// The letter that follows the backslash if `byte` must be escaped.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'\\' => Some(b'\\'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        _ => None,
    }
}

fn hex(digit: u8) -> u8 {
    b"0123456789abcdef"[usize::from(digit)]
}
