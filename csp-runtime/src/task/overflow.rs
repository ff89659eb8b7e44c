//! What a goroutine prints that has used up its stack. Runs in the signal handler, so it neither
//! allocates nor takes a lock.
//!
//! There are three ways: into the guard of its slot, into that of a segment on which it went on, and up to the limit of
//! growth, where there is no fault. The last two happen to plain threads as well.

use std::fmt::{self, Write};

use crate::goroutine::Goroutine;
use crate::stacks::{FixedWriter, Segment, SizeClass, Slot, arena, fatal, overflow};

/// The number of the goroutine that runs `main`.
const MAIN: u64 = 1;

/// Has overflows reported; only the first call does anything.
pub(crate) fn install() {
    overflow::install(report);
}

/// Reports the overflow of the goroutine in `slot`, and ends the process with status 2.
fn report(slot: Slot, fault: usize) {
    let mut out = FixedWriter::stderr();
    let size = slot.class;
    if arena().lookup_segment(fault).is_some() {
        let owner = Segment::find_in(slot).map_or(core::ptr::null_mut(), Segment::owner);
        let g = core::ptr::NonNull::new(owner.cast()).map(Goroutine::from_ptr);
        head(&mut out, g, format_args!("its {size} stack segment"));
        let _ = writeln!(
            out,
            "what runs there is to grow as well: mark the function that recurses with \
             #[csp::recursive], or call it in csp::stack::ensure(bytes, || …)"
        );
        out.flush();
        fatal::end()
    }
    let Some(g) = Goroutine::find_in(slot) else {
        fatal::exit(format_args!("fatal error: a {size} stack overflowed\n"));
    };
    head(&mut out, Some(g), format_args!("its {size} stack"));
    let more = (size.slot_size() * 8).min(SizeClass::MAX.slot_size());
    let _ = if size == SizeClass::MAX {
        writeln!(
            out,
            "no stack is larger: for recursion of any depth, mark the function with #[csp::recursive]"
        )
    } else {
        let how = if g.id() == MAIN {
            "#[csp::main(stack = "
        } else {
            "go!(stack("
        };
        let end = if g.id() == MAIN {
            ")]"
        } else {
            ") => …), or Builder::stack_size"
        };
        writeln!(
            out,
            "start it with more: {how}{more}{end}, or CSP_STACK={} in the environment; or, for recursion \
             of any depth, mark the function with #[csp::recursive]",
            Bytes(more).short()
        )
    };
    out.flush();
    fatal::end()
}

/// Reports that the calling goroutine, or plain thread, cannot grow its stack beyond `most` bytes, and ends the process.
#[cold]
pub(crate) fn at_limit(g: Option<&'static Goroutine>, most: usize) -> ! {
    let mut out = FixedWriter::stderr();
    head(&mut out, g, format_args!("its {} stack", Bytes(most)));
    let _ = writeln!(
        out,
        "it has grown up to CSP_STACK_MAX: set that higher in the environment, as in \
         CSP_STACK_MAX={}, if the recursion is meant to be as deep",
        Bytes(most.saturating_mul(4)).short()
    );
    out.flush();
    fatal::end()
}

/// Who overflowed `what`, and where the goroutine was started.
fn head(out: &mut FixedWriter, g: Option<&'static Goroutine>, what: fmt::Arguments<'_>) {
    // It never fails.
    let _ = match g.map(|g| (g, g.name())) {
        Some((g, Some(name))) => writeln!(
            out,
            "fatal error: goroutine {} [{name}] overflowed {what}",
            g.id()
        ),
        Some((g, None)) => writeln!(out, "fatal error: goroutine {} overflowed {what}", g.id()),
        None => writeln!(out, "fatal error: a thread overflowed {what}"),
    };
    if let Some(at) = g.and_then(Goroutine::spawned_at) {
        let _ = writeln!(out, "started at {at}");
    }
}

/// A number of bytes in the largest unit that has it whole.
struct Bytes(usize);

impl Bytes {
    /// The number, and the power of two of the unit.
    fn split(&self) -> (usize, &'static str) {
        match self.0.trailing_zeros() {
            30.. => (self.0 >> 30, "G"),
            20.. => (self.0 >> 20, "M"),
            10.. => (self.0 >> 10, "K"),
            _ => (self.0, ""),
        }
    }

    /// As `CSP_STACK_MAX` has it.
    fn short(&self) -> impl fmt::Display + use<> {
        let (number, unit) = self.split();
        fmt::from_fn(move |f| write!(f, "{number}{unit}"))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.split() {
            (number, "") => write!(f, "{number} byte"),
            (number, unit) => write!(f, "{number} {unit}iB"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn bytes_are_written_with_the_largest_unit() {
        for (bytes, long, short) in [
            (1 << 30, "1 GiB", "1G"),
            (3 << 20, "3 MiB", "3M"),
            (1536 << 20, "1536 MiB", "1536M"),
            (64 << 10, "64 KiB", "64K"),
            (1000, "1000 byte", "1000"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), long);
            assert_eq!(Bytes(bytes).short().to_string(), short);
        }
    }
}
