//! What a goroutine's panic prints, and whether it ends the process.
//!
//! The panic hook that was there stays in charge of the message; ours prints one line before it that
//! says which goroutine panicked and where that was started, since the thread's name says nothing.

use std::io::{self, Write};
use std::panic;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sched::current;

/// Called when a goroutine has panicked, if the program wants to end then.
static EXIT: OnceLock<fn() -> !> = OnceLock::new();

/// Installs the hook, unless that has been done. Not while the caller panics: it may be inside a hook,
/// and the hook cannot be changed then; the next caller does it.
pub(super) fn install() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.load(Ordering::Relaxed)
        || std::thread::panicking()
        || INSTALLED.swap(true, Ordering::Relaxed)
    {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let Some(g) = current::goroutine() {
            let id = g.id();
            let site = g.spawned_at().expect("the goroutine is alive");
            // In one write, and not with `eprintln!`, which panics if standard error is closed.
            let line = match g.name() {
                Some(name) => format!("goroutine {id} [{name}], started at {site}, panicked:\n"),
                None => format!("goroutine {id}, started at {site}, panicked:\n"),
            };
            let _ = io::stderr().write_all(line.as_bytes());
        }
        previous(info);
    }));
}

/// Makes the panic of any goroutine end the process through `exit`.
pub(crate) fn exit_on_panic(exit: fn() -> !) {
    EXIT.get_or_init(|| exit);
}

/// The calling goroutine has panicked, and its panic was caught at its root: ends the process if the program wants that.
#[cold]
pub(crate) fn panicked() {
    if let Some(exit) = EXIT.get() {
        exit();
    }
}
