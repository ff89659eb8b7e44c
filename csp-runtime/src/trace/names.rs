//! From addresses to functions, files and lines, and which of them a reader wants to see.
//!
//! What the debugging information of the program tells, by way of the `backtrace` crate; without it, as
//! in a stripped program, names or lines are missing. One address may stand for several functions, each
//! inlined into the next.
//!
//! With line tables alone (`debug = "line-tables-only"`), names come without their paths: `recv<u8>`. So
//! whose a function is, is told by its file first, and by its name only if there is no file.
//!
//! The crate's lock is held during a lookup and no longer. Its results are kept for the time of one
//! report, since thousands of goroutines stand at the same few addresses.

use core::ffi::c_void;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The most addresses of which the names are kept.
const MOST_KEPT: usize = 1 << 14;

/// A function at an address.
pub(super) struct Function {
    /// Without its hash; `None` if nothing tells it.
    pub(super) name: Option<String>,
    /// File, line and column.
    pub(super) place: Option<String>,
    /// Whose it is.
    pub(super) owner: Owner,
}

/// Whose code a function is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// This library's.
    Runtime,
    /// The standard library's, or that of the crate that switches stacks.
    Support,
    /// The program's, as far as anybody knows.
    Program,
    /// Nobody knows.
    Unknown,
}

impl Owner {
    /// By the function's file and its name.
    fn of(file: Option<&str>, name: Option<&str>) -> Self {
        match (file, name) {
            (Some(file), _) => Self::of_file(file),
            (None, Some(name)) => Self::of_name(name),
            (None, None) => Self::Unknown,
        }
    }

    /// By where the file lies.
    fn of_file(file: &str) -> Self {
        let own = file!().strip_suffix("trace/names.rs");
        let std = file.starts_with("/rustc/") || file.contains("/rustlib/src/rust/library/");
        if own.is_some_and(|own| file.contains(own)) {
            Self::Runtime
        } else if std || file.contains("/corosensei-") {
            Self::Support
        } else {
            Self::Program
        }
    }

    /// By the crate that begins the function's path.
    fn of_name(name: &str) -> Self {
        if !name.contains("::") {
            // A function of C, or one that is to look like it.
            return Self::Unknown;
        }
        match crate_of(name) {
            "csp" => Self::Runtime,
            "core" | "std" | "alloc" | "corosensei" | "__rustc" => Self::Support,
            _ => Self::Program,
        }
    }
}

/// The crate in whose path the function is: of `Type` in `<Type as Trait>::f`, or of `Trait` if `Type`
/// is a mere parameter.
fn crate_of(name: &str) -> &str {
    let path = name.trim_start_matches(['<', '&', '*', '(', '[']);
    let path = path
        .trim_start_matches("mut ")
        .trim_start_matches("const ")
        .trim_start_matches("dyn ");
    let first = path.split("::").next().unwrap_or(path);
    match first.split_once(" as ") {
        Some((_, path)) => path,
        None => first,
    }
}

/// Names of addresses.
pub(super) struct Names {
    /// What was looked up already.
    kept: HashMap<usize, Rc<[Function]>>,
    /// Files below it are shown relative to it, as the standard library does.
    here: Option<PathBuf>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            kept: HashMap::new(),
            here: std::env::current_dir().ok(),
        }
    }

    /// The functions at a return address, innermost first; at least one.
    pub(super) fn at(&mut self, address: usize) -> Rc<[Function]> {
        if let Some(functions) = self.kept.get(&address) {
            return Rc::clone(functions);
        }
        let functions = self.look_up(address);
        if self.kept.len() >= MOST_KEPT {
            self.kept.clear();
        }
        self.kept.insert(address, Rc::clone(&functions));
        functions
    }

    fn look_up(&self, address: usize) -> Rc<[Function]> {
        let mut functions = Vec::new();
        backtrace::resolve(address as *mut c_void, |symbol| {
            let name = symbol.name().map(|name| format!("{name:#}"));
            let file = symbol.filename();
            let owner = Owner::of(file.and_then(Path::to_str), name.as_deref());
            let place = file.map(|file| self.place(file, symbol.lineno(), symbol.colno()));
            functions.push(Function { name, place, owner });
        });
        if functions.is_empty() {
            functions.push(Function {
                name: None,
                place: None,
                owner: Owner::Unknown,
            });
        }
        functions.into()
    }

    fn place(&self, file: &Path, line: Option<u32>, column: Option<u32>) -> String {
        let below = self
            .here
            .as_ref()
            .and_then(|here| file.strip_prefix(here).ok());
        let mut text = match below {
            Some(rest) => format!("./{}", rest.display()),
            None => file.display().to_string(),
        };
        for number in [line, column] {
            let Some(number) = number else { break };
            text.push(':');
            text.push_str(&number.to_string());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_told_by_the_file() {
        let own = format!("/home/me/{}", file!());
        for (file, owner) in [
            (own.as_str(), Owner::Runtime),
            ("/home/me/app/src/main.rs", Owner::Program),
            (
                "/rustc/59807616/library/std/src/panicking.rs",
                Owner::Support,
            ),
            (
                "/home/me/.cargo/registry/src/x/corosensei-0.3.4/src/unwind.rs",
                Owner::Support,
            ),
            (
                "/home/me/.cargo/registry/src/x/csv-1.3.0/src/lib.rs",
                Owner::Program,
            ),
        ] {
            assert_eq!(Owner::of(Some(file), Some("f<csp::T>")), owner, "{file}");
        }
    }

    #[test]
    fn without_a_file_the_owner_is_told_by_the_first_crate() {
        for (name, owner) in [
            ("csp::sched::switch::park", Owner::Runtime),
            ("csp_tests::peers::park", Owner::Program),
            (
                "<csp::channel::Iter<T> as core::iter::Iterator>::next",
                Owner::Runtime,
            ),
            ("<&mut csp::Sender<u8>>::send", Owner::Runtime),
            ("<T as core::convert::Into<U>>::into", Owner::Support),
            (
                "<app::Job as core::ops::FnOnce<()>>::call_once",
                Owner::Program,
            ),
            ("<dyn core::any::Any>::is", Owner::Support),
            ("std::panicking::catch_unwind", Owner::Support),
            ("__rust_try", Owner::Unknown),
        ] {
            assert_eq!(Owner::of(None, Some(name)), owner, "{name}");
        }
    }

    #[test]
    fn an_address_of_nothing_has_one_function_without_a_name() {
        let mut names = Names::new();
        for _ in 0..2 {
            let functions = names.at(0x1000);
            assert_eq!(functions.len(), 1);
            assert!(functions[0].name.is_none() && functions[0].owner == Owner::Unknown);
        }
    }
}
