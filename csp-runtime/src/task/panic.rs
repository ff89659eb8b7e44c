//! What a goroutine's panic prints, and whether it ends the process.
//!
//! The panic hook that was there stays in charge of the message; ours prints one line before it that
//! says which goroutine panicked and where that was started, since the thread's name says nothing.

use std::panic;
use std::sync::OnceLock;

use crate::sched::current;

/// Called when a goroutine has panicked, if the program wants to end then.
static EXIT: OnceLock<fn() -> !> = OnceLock::new();

/// Installs the hook; once.
pub(super) fn install() {
    // The hook cannot be changed while unwinding; the message then lacks our line.
    if std::thread::panicking() {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let Some(g) = current::goroutine() {
            let id = g.id();
            let site = g.spawned_at();
            match g.name() {
                Some(name) => eprintln!("goroutine {id} [{name}], started at {site}, panicked:"),
                None => eprintln!("goroutine {id}, started at {site}, panicked:"),
            }
        }
        previous(info);
    }));
}

/// Makes the panic of any goroutine end the process through `exit`.
pub(crate) fn exit_on_panic(exit: fn() -> !) {
    EXIT.get_or_init(|| exit);
}

/// The calling goroutine has panicked, and has unwound to its root.
#[cold]
pub(super) fn panicked() {
    if let Some(exit) = EXIT.get() {
        exit();
    }
}
