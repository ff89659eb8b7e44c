//! [`FixedWriter`]: text to a descriptor without a heap, for reports from dying processes.
//!
//! A fault may strike with the allocator's lock held or its lists half-changed, and a handler has
//! a few KiB of stack. So the text is formatted into a fixed buffer that is written out with
//! `write(2)` when full; everything used is async-signal-safe. Integers, strings and `Display`
//! implementations that do not allocate may be formatted; `{:?}` of a standard type often does
//! not allocate either, but nothing promises it.
//!
//! Standard error's own lock is not taken: its holder may be the very thread that faulted.

#![expect(unsafe_code, reason = "write(2) and _exit(2)")]

use core::fmt::{self, Write};
use std::io;

/// Room for a line or two; small enough for any handler's stack.
const ROOM: usize = 512;

/// A [`fmt::Write`] that gathers text in a fixed buffer and writes it to a descriptor.
///
/// What is gathered goes out when the buffer is full, on [`flush`](Self::flush) and on drop.
/// Errors of the descriptor are ignored: there is nobody left to tell.
pub(crate) struct FixedWriter {
    fd: libc::c_int,
    len: usize,
    buffer: [u8; ROOM],
}

impl FixedWriter {
    /// Makes a writer to standard error.
    pub(crate) const fn stderr() -> FixedWriter {
        FixedWriter::to(libc::STDERR_FILENO)
    }

    /// Makes a writer to the descriptor `fd`.
    pub(crate) const fn to(fd: libc::c_int) -> FixedWriter {
        FixedWriter {
            fd,
            len: 0,
            buffer: [0; ROOM],
        }
    }

    /// Writes what was gathered to the descriptor.
    pub(crate) fn flush(&mut self) {
        let mut rest = &self.buffer[..self.len];
        while !rest.is_empty() {
            // SAFETY: the pointer and length are those of a live slice.
            let written = unsafe { libc::write(self.fd, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written) => rest = &rest[written..],
                Err(_) if interrupted() => {}
                Err(_) => break,
            }
        }
        self.len = 0;
    }
}

/// Tells whether the last system call ended early because of a signal.
fn interrupted() -> bool {
    io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
}

impl Write for FixedWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut text = text.as_bytes();
        while !text.is_empty() {
            if self.len == ROOM {
                self.flush();
            }
            let room = &mut self.buffer[self.len..];
            let some = room.len().min(text.len());
            room[..some].copy_from_slice(&text[..some]);
            self.len += some;
            text = &text[some..];
        }
        Ok(())
    }
}

impl Drop for FixedWriter {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The status with which a program ends after a fatal error of the runtime.
pub(crate) const FATAL_STATUS: libc::c_int = 2;

/// Writes `text` to standard error and ends the process with status 2, running nothing else.
///
/// Async-signal-safe as far as what `text` formats is.
pub(crate) fn exit(text: fmt::Arguments<'_>) -> ! {
    let mut out = FixedWriter::stderr();
    // It never fails, and what came before a failing `Display` is worth printing.
    let _ = out.write_fmt(text);
    out.flush();
    end()
}

/// Ends the process with status 2, running nothing else.
pub(crate) fn end() -> ! {
    // SAFETY: async-signal-safe and without preconditions.
    unsafe { libc::_exit(FATAL_STATUS) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::fd::AsRawFd;
    use std::{env, process};

    #[test]
    fn text_longer_than_the_buffer_arrives_whole_and_in_order() {
        let path = env::temp_dir().join(format!("csp-fixed-writer-{}", process::id()));
        let file = File::create(&path).unwrap();
        let mut expected = String::new();
        let mut out = FixedWriter::to(file.as_raw_fd());
        for number in 0..1000 {
            write!(out, "goroutine {number}, ").unwrap();
            write!(expected, "goroutine {number}, ").unwrap();
        }
        drop(out);
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn descriptor_that_refuses_does_no_harm() {
        let mut out = FixedWriter::to(-1);
        write!(out, "{:>2000}", "lost").unwrap();
        out.flush();
    }
}
