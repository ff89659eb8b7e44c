//! The list of goroutines as a process's last words.
//!
//! The text goes past the standard library's locks, which a goroutine that waits may hold, and what
//! standard error makes of it does not matter: closed, full or broken, the status is the same.
//!
//! There is one report and one exit. Whoever comes second, because SIGQUIT arrives during a deadlock's
//! report or a goroutine panics during either, waits for the end.

use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::dump;
use crate::stacks::{FixedWriter, fatal};

/// Set by the first thread that reports.
static REPORTING: AtomicBool = AtomicBool::new(false);

/// Ends the process after a goroutine has panicked: the list, then status 2.
pub(crate) fn after_panic() -> ! {
    report("");
    process::exit(fatal::FATAL_STATUS)
}

/// Ends the process because every goroutine waits for ever: the list, then status 2.
pub(crate) fn in_deadlock() -> ! {
    report("fatal error: all goroutines are asleep - deadlock!\n\n");
    // It flushes standard output if it can.
    process::exit(fatal::FATAL_STATUS)
}

/// Ends the process because somebody sent SIGQUIT: the list, then status 2.
pub(crate) fn on_quit() -> ! {
    report("SIGQUIT: quit\n\n");
    // Goroutines are running: nothing may be run at exit that they would meet, nor be waited for, such as a
    // reader of standard output.
    fatal::end()
}

/// Writes the headline and the list to standard error.
fn report(headline: &str) {
    // Relaxed: it only elects a thread; nothing is read on the strength of it.
    if REPORTING.swap(true, Ordering::Relaxed) {
        loop {
            thread::park();
        }
    }
    let mut out = FixedWriter::stderr();
    let _ = out.write_str(headline);
    // Should making the list fail, that is no reason to stay.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        dump::write(&mut |piece| {
            let _ = out.write_str(piece);
            Ok(())
        })
    }));
}
