//! The list of all goroutines.
//!
//! It is gathered from the stack arena, which knows every control block, without stopping anybody:
//! each line is true of some moment during the call, and a goroutine that is just starting or
//! ending may be missing.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::goroutine::Goroutine;
use crate::stack::{FixedWriter, arena};

/// Writes the list of all goroutines: number, name, what each does or waits for and where, and where
/// it was started.
///
/// # Errors
///
/// The first error of `writer`.
///
/// # Examples
///
/// ```
/// let (tx, rx) = csp::channel::<u32>(0);
/// let waiting = csp::go!(rx.recv());
/// let mut text = Vec::new();
/// csp::runtime::dump(&mut text)?;
/// assert!(String::from_utf8_lossy(&text).contains("started at"));
/// drop(tx);
/// waiting.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn dump(mut writer: impl Write) -> io::Result<()> {
    let mut result = Ok(());
    arena().for_each(&mut |slot| {
        if result.is_ok()
            && let Some(g) = Goroutine::find_in(slot)
        {
            result = describe(&mut writer, g);
        }
    });
    result?;
    writer.flush()
}

fn describe(writer: &mut impl Write, g: &Goroutine) -> io::Result<()> {
    let Some(state) = g.state_text() else {
        return Ok(());
    };
    let id = g.id();
    let name = g
        .copy_name()
        .map(|name| format!(" [{name}]"))
        .unwrap_or_default();
    write!(writer, "goroutine {id}{name}: {state}")?;
    if let Some(at) = g.waits_at() {
        write!(writer, " at {at}")?;
    }
    writeln!(writer, ", started at {}", g.spawned_at())
}

/// Ends the process after a goroutine has panicked: the list, then status 2.
pub(crate) fn exit_after_panic() -> ! {
    exit_with("")
}

/// Ends the process because every goroutine waits for ever: the list, then status 2.
pub(crate) fn exit_in_deadlock() -> ! {
    exit_with("fatal error: all goroutines are asleep - deadlock!\n\n")
}

fn exit_with(message: &str) -> ! {
    let mut text = message.to_owned().into_bytes();
    let _ = dump(&mut text);
    // Past the standard library's locks, which a goroutine that waits may hold. Its exit flushes standard
    // output if it can.
    let _ = FixedWriter::stderr().write_str(&String::from_utf8_lossy(&text));
    std::process::exit(2)
}
