//! [`Tracer`]: the backtraces of one report, in the form in which the standard library prints its own.
//!
//! A goroutine's stack begins and ends in the library: `recv`, a list of waiters, the switch at one end,
//! the root of every goroutine at the other. The short form leaves that out, except for the one function
//! that the program called:
//!
//! ```text
//!    csp::coroutine::Coroutine::suspend                ┐
//!    csp::sched::switch::park                          │ left out
//!    csp::wait::task::<impl Task>::park                ┘
//!    csp::channel::receiver::Receiver<T>::recv           0
//!    app::fetch                                          1
//!    app::main::{{closure}}                              2
//!    std::panic::catch_unwind                          ┐
//!    csp::task::spawn::run                             │ left out
//!    csp::goroutine::enter                             ┘
//! ```
//!
//! If no function is known to be the program's, all are shown.

use core::fmt::Write;
use core::ops::Range;
use std::env;
use std::ffi::OsString;
use std::rc::Rc;

use super::copy::StackCopy;
use super::names::{Function, Names, Owner};
use super::unwind::{MOST_FRAMES, Unwinder};
use crate::goroutine::Goroutine;

/// Makes the backtraces of one report.
pub(crate) struct Tracer {
    /// Every frame, with its address.
    full: bool,
    names: Names,
    unwinder: Unwinder,
    // Kept from one goroutine to the next for their memory alone.
    stack: StackCopy,
    frames: Vec<usize>,
    functions: Vec<Rc<[Function]>>,
}

impl Tracer {
    /// Whether the environment asks for backtraces: `RUST_BACKTRACE` is set, and not to `0`.
    pub(crate) fn is_wanted() -> bool {
        style().is_some()
    }

    /// A tracer, if the environment asks for backtraces; for every frame, if it asks for `full`.
    ///
    /// Making it and using it takes tens of KiB of stack where nothing is optimised.
    pub(crate) fn from_environment() -> Option<Self> {
        Some(Self::new(style()? == "full"))
    }

    fn new(full: bool) -> Self {
        Self {
            full,
            names: Names::new(),
            unwinder: Unwinder::default(),
            stack: StackCopy::default(),
            frames: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// Appends the backtrace of `g` to `text`, if `g` is suspended.
    pub(crate) fn push(&mut self, g: &Goroutine, text: &mut String) {
        let Some(left_at) = self.stack.take(g) else {
            return;
        };
        self.unwinder.unwind(&self.stack, left_at, &mut self.frames);
        self.functions.clear();
        for address in &self.frames {
            self.functions.push(self.names.at(*address));
        }
        let shown = if self.full {
            0..usize::MAX
        } else {
            wanted(self.functions.iter().flat_map(|at| at.iter()))
        };
        let all = self.frames.iter().zip(&self.functions);
        let all = all.flat_map(|(address, at)| at.iter().map(move |function| (address, function)));
        for (number, (address, function)) in all.skip(shown.start).take(shown.len()).enumerate() {
            let name = function.name.as_deref().unwrap_or("<unknown>");
            // Writing to a `String` does not fail.
            let _ = if self.full {
                writeln!(text, "{number:4}: {address:#18x} - {name}")
            } else {
                writeln!(text, "{number:4}: {name}")
            };
            if let Some(place) = &function.place {
                let indent = if self.full { 34 } else { 13 };
                let _ = writeln!(text, "{:indent$}at {place}", "");
            }
        }
        if self.frames.len() == MOST_FRAMES {
            text.push_str("      … further frames are left out\n");
        }
    }
}

fn style() -> Option<OsString> {
    env::var_os("RUST_BACKTRACE").filter(|style| style != "0")
}

/// Which functions, innermost first, the short form shows.
fn wanted<'a>(functions: impl Iterator<Item = &'a Function>) -> Range<usize> {
    // The functions from the innermost of the program's to the outermost; before them, the last one of
    // ours is what the program called.
    let (mut called, mut first, mut end, mut all) = (None, None, 0, 0);
    for (at, function) in functions.enumerate() {
        all = at + 1;
        match function.owner {
            Owner::Program => {
                first.get_or_insert(at);
                end = at + 1;
            }
            Owner::Runtime if first.is_none() => called = Some(at),
            _ => {}
        }
    }
    match first {
        Some(first) => called.unwrap_or(first)..end,
        None => 0..all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(owners: &str) -> Range<usize> {
        let functions: Vec<_> = owners
            .chars()
            .map(|owner| Function {
                name: None,
                place: None,
                owner: match owner {
                    'r' => Owner::Runtime,
                    's' => Owner::Support,
                    'p' => Owner::Program,
                    _ => Owner::Unknown,
                },
            })
            .collect();
        wanted(functions.iter())
    }

    #[test]
    fn the_ends_that_are_not_the_programs_are_left_out() {
        assert_eq!(shown("rrrppssrr"), 2..5);
        assert_eq!(shown("rsrspsprsr"), 2..7);
        assert_eq!(shown("rprrps"), 0..5);
        assert_eq!(shown("ppr"), 0..2);
    }

    #[test]
    fn all_is_shown_if_nothing_is_known_to_be_the_programs() {
        assert_eq!(shown("rrssr"), 0..5);
        assert_eq!(shown("????"), 0..4);
        assert_eq!(shown(""), 0..0);
    }
}
