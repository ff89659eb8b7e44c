//! What a goroutine prints that has used up its stack. Runs in the signal handler, so it neither
//! allocates nor takes a lock.

use std::fmt::Write;

use crate::goroutine::Goroutine;
use crate::stack::{FixedWriter, SizeClass, Slot, fatal};

/// Reports the overflow of the goroutine in `slot`, and ends the process with status 2.
pub(super) fn report(slot: Slot, _fault: usize) {
    let mut out = FixedWriter::stderr();
    let size = slot.class;
    let Some(g) = Goroutine::find_in(slot) else {
        fatal::exit(format_args!("fatal error: a {size} stack overflowed\n"));
    };
    let _ = match g.name() {
        Some(name) => writeln!(
            out,
            "fatal error: goroutine {} [{name}] overflowed its {size} stack",
            g.id()
        ),
        None => writeln!(
            out,
            "fatal error: goroutine {} overflowed its {size} stack",
            g.id()
        ),
    };
    if let Some(at) = g.spawned_at() {
        let _ = writeln!(out, "started at {at}");
    }
    let _ = writeln!(
        out,
        "start it with more: go!(stack({}) => …), or Builder::stack_size",
        (size.slot_size() * 8).min(SizeClass::MAX.slot_size())
    );
    out.flush();
    fatal::end()
}
