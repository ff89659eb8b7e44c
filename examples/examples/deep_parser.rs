//! A recursive-descent parser of nested parentheses, a million levels deep: `#[csp::recursive]` lets its stack grow as far
//! as the text wants. The same parser without the attribute, run in a child process, ends in the report of an overflow.
//!
//! `cargo run --release --example deep_parser` prints
//!
//! ```text
//! (()(())) nests 3 deep
//! ((x)) is wrong at 2
//! a million levels nest 1000000 deep
//! without the attribute: fatal error: goroutine 1 overflowed its 8 MiB stack
//! and status 2
//! ```

use std::env;
use std::process::{Command, Output};

/// Writes the parser, with the attributes given: `nest := ( "(" nest ")" )*`. It returns how deep the text nests, or where
/// it is wrong.
macro_rules! parser {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        fn $name(text: &[u8], at: &mut usize) -> Result<usize, usize> {
            let mut depth = 0;
            while text.get(*at) == Some(&b'(') {
                *at += 1;
                depth = depth.max($name(text, at)? + 1);
                if text.get(*at) != Some(&b')') {
                    return Err(*at);
                }
                *at += 1;
            }
            Ok(depth)
        }
    };
}

parser!(
    #[csp::recursive]
    marked
);
parser!(unmarked);

/// A million opening parentheses, and as many that close.
fn million() -> Vec<u8> {
    [[b'('; 1_000_000], [b')'; 1_000_000]].concat()
}

/// Runs this program again, with the parser that is not marked.
fn run_unmarked() -> Output {
    let this = env::current_exe().unwrap();
    Command::new(this).arg("unmarked").output().unwrap()
}

#[csp::main]
fn main() {
    if env::args().nth(1).as_deref() == Some("unmarked") {
        println!("{:?}", unmarked(&million(), &mut 0));
        return;
    }
    for text in ["(()(()))", "((x))"] {
        match marked(text.as_bytes(), &mut 0) {
            Ok(depth) => println!("{text} nests {depth} deep"),
            Err(at) => println!("{text} is wrong at {at}"),
        }
    }
    let depth = marked(&million(), &mut 0).unwrap();
    println!("a million levels nest {depth} deep");

    let output = run_unmarked();
    let report = String::from_utf8_lossy(&output.stderr);
    let headline = report.lines().next().unwrap_or_default();
    println!("without the attribute: {headline}");
    println!("and status {}", output.status.code().unwrap_or_default());
}
