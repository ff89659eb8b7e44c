//! The size of the stacks for which no size is named, and who may set it.
//!
//! In the order in which they count, the strongest first:
//!
//! | set by | goroutines | main, and `#[csp::test]` functions |
//! |---|---|---|
//! | `stack(…)`, `Builder::stack_size` | that one | |
//! | `CSP_STACK` in the environment | that size | the larger of 8 MiB and that size |
//! | `#[csp::main(stack = …)]` | that size | exactly that size |
//! | nobody | 256 KiB | 8 MiB |
//!
//! The environment goes before the attribute, unlike with `GOMAXPROCS`: whoever sets it has seen the
//! program overflow, and wants to go on without building it anew. It makes main's stack larger only,
//! because a small `CSP_STACK` is meant for the many goroutines.
//!
//! The class in force may change while goroutines run, when a test function with the attribute starts.
//! A P's list of free slots holds one class, and notices the change when it is used next.

use super::class::SizeClass;
use crate::primitive::size;
use core::sync::atomic::{AtomicU8, Ordering};
use std::env;
use std::io::{self, Write};
use std::sync::OnceLock;

/// The environment variable that sets the default.
const VARIABLE: &str = "CSP_STACK";

/// The index of the class in force. It guards no memory, hence `Relaxed`.
static CLASS: AtomicU8 = AtomicU8::new(SizeClass::DEFAULT.index() as u8);

/// The class of stacks for which no size is named.
#[inline]
pub(crate) fn class() -> SizeClass {
    SizeClass::from_index(CLASS.load(Ordering::Relaxed))
}

/// What the environment says, put in force by the first call of the process, which may report a bad
/// value.
pub(crate) fn from_environment() -> Option<SizeClass> {
    static SET: OnceLock<Option<SizeClass>> = OnceLock::new();
    *SET.get_or_init(|| {
        let class = SizeClass::for_bytes(size_variable(VARIABLE)?)?;
        CLASS.store(class.index() as u8, Ordering::Relaxed);
        Some(class)
    })
}

/// Sets the default as the program wishes, unless the environment has another wish. Returns main's
/// class: the one given, or what the environment makes of it.
pub(crate) fn set(wish: Option<SizeClass>) -> SizeClass {
    match (from_environment(), wish) {
        (Some(forced), _) => forced.max(SizeClass::MAIN),
        (None, Some(class)) => {
            CLASS.store(class.index() as u8, Ordering::Relaxed);
            class
        }
        (None, None) => SizeClass::MAIN,
    }
}

/// Reads a size from the environment; unset or empty is none. What is no size, zero, or above the
/// largest class is reported on standard error and ignored.
pub(crate) fn size_variable(name: &str) -> Option<usize> {
    let value = env::var_os(name).filter(|value| !value.is_empty())?;
    match check(&value.to_string_lossy()) {
        Ok(bytes) => Some(bytes),
        Err(why) => {
            let _ = writeln!(io::stderr(), "csp: {name}={value:?} ignored: {why}");
            None
        }
    }
}

fn check(value: &str) -> Result<usize, String> {
    match size::parse(value) {
        None | Some(0) => Err("expected a size in bytes, or such as 512K, 8M or 1G".to_owned()),
        Some(bytes) if SizeClass::for_bytes(bytes).is_none() => {
            Err(format!("at most {} is possible", SizeClass::MAX))
        }
        Some(bytes) => Ok(bytes),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_sizes_up_to_the_largest_class_are_accepted() {
        assert_eq!(check("512K"), Ok(512 << 10));
        assert_eq!(check("1"), Ok(1));
        assert_eq!(check("1G"), Ok(1 << 30));
        for bad in ["0", "0K", "-1", "plenty", "1.5M"] {
            assert!(check(bad).unwrap_err().starts_with("expected a size"));
        }
        for large in ["1073741825", "2G"] {
            assert_eq!(check(large).unwrap_err(), "at most 1 GiB is possible");
        }
    }
}
