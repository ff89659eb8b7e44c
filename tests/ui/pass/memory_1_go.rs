//! Rule 1: a goroutine finds what was written before its `go!`.

#![deny(warnings)]

use csp::prelude::*;

fn main() {
    let mut greeting = String::from("hello");
    greeting.push_str(", world");
    scope(|s| {
        go!(in s, ref(greeting) => assert_eq!(greeting, "hello, world"));
    });
}
