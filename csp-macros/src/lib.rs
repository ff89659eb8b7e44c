//! The procedural macros of `csp-runtime`: `go!`, `select!`, `join!`, `#[csp::main]`, `#[csp::test]`,
//! `#[csp::recursive]`.
//!
//! Nobody depends on this crate directly. `csp` wraps each function-like macro in a `macro_rules!`
//! that puts its own `$crate` in front, so an expansion reaches the runtime under whatever name the
//! program knows it by; the attributes cannot be wrapped that way and take `crate = path`.
//!
//! ```text
//! go! { … }  ──macro_rules in csp──▶  $crate::__private::go! { ($crate) … }  ──here──▶  expansion
//! ```
//!
//! Invariants of every expansion:
//!
//! - it names only `$crate::__private` and `::core` (the attributes also `::std::process::ExitCode`),
//!   and contains no `unsafe`;
//! - its variables carry `Span::mixed_site`, so they never meet the user's;
//! - the user's tokens keep their spans, so that the compiler's errors point at what was written;
//! - a mistake in the input gives one error, at the token, and nothing else.

mod entry;
mod go;
mod join;
mod krate;
mod operators;
mod recursive;
mod select;

use proc_macro::TokenStream;

/// Starts a goroutine. Behind `csp::go!`, which documents it.
#[proc_macro]
pub fn go(input: TokenStream) -> TokenStream {
    krate::expand_with(input.into(), go::expand).into()
}

/// Waits for one of several channel operations. Behind `csp::select!`, which documents it.
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    krate::expand_with(input.into(), select::expand).into()
}

/// Runs expressions as goroutines and waits for all. Behind `csp::join!`, which documents it.
#[proc_macro]
pub fn join(input: TokenStream) -> TokenStream {
    krate::expand_with(input.into(), join::expand).into()
}

/// Runs `fn main` as the first goroutine; when it returns, the process exits.
///
/// Takes any `fn main() -> T` with `T: Termination`, and these options, comma separated:
///
/// | option | meaning |
/// |---|---|
/// | `gomaxprocs = N` | the number of Ps, instead of `GOMAXPROCS` or the number of processors |
/// | `panic = "exit"` | a goroutine's panic ends the process with status 2 |
/// | `pinned` | a goroutine stays on the thread that it first ran on |
/// | `stack = BYTES` | main's stack, 8 MiB without it, and the stack that a goroutine gets unless its `go!` says otherwise |
/// | `preempt = false` | a goroutine that computes is never stopped for others: it runs until it waits or yields |
/// | `crate = path` | where the runtime is, if not at `::csp` |
///
/// `CSP_STACK` in the environment, such as `CSP_STACK=1M`, goes before `stack`: it is the default then, and main's stack is
/// the larger of 8 MiB and that size.
///
/// # Examples
///
/// ```ignore
/// #[csp::main(gomaxprocs = 4, panic = "exit")]
/// fn main() -> std::io::Result<()> {
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Main, options.into(), item.into()).into()
}

/// Runs a test function as a goroutine.
///
/// Takes the options of [`macro@main`] and gives the function the same stack, works with `#[should_panic]`, `#[ignore]` and functions that
/// return a `Result`, and stands in for `#[test]`.
///
/// # Examples
///
/// ```ignore
/// #[csp::test]
/// fn one_value_arrives() {
///     let (tx, rx) = csp::channel(1);
///     tx.send(7).unwrap();
///     assert_eq!(rx.recv(), Some(7));
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Test, options.into(), item.into()).into()
}

/// Lets a function recurse to any depth: its calls go on on a further stack segment when less than 64 KiB is left.
///
/// For functions and methods of every kind but `async` and `const` ones. Of several functions that call each other, one
/// in each circle is to be marked. `csp::stack` says what growing means, and what it costs. In a function that has
/// `#[track_caller]` as well, that has no effect on what the body does.
///
/// | option | meaning |
/// |---|---|
/// | `crate = path` | where the runtime is, if not at `::csp` |
///
/// # Examples
///
/// ```ignore
/// #[csp::recursive]
/// fn depth(node: &Node) -> usize {
///     1 + node.children.iter().map(depth).max().unwrap_or(0)
/// }
/// ```
#[proc_macro_attribute]
pub fn recursive(options: TokenStream, item: TokenStream) -> TokenStream {
    recursive::expand(options.into(), item.into()).into()
}
