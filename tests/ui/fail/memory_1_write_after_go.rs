//! What is written after `go!` is not ordered with what the goroutine reads.

use csp::prelude::*;

fn main() {
    let mut greeting = String::from("hello");
    scope(|s| {
        go!(in s, ref(greeting) => assert_eq!(greeting, "hello, world"));
        greeting.push_str(", world");
    });
}
