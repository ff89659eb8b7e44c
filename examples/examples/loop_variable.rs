//! Every goroutine of a loop has a loop variable of its own; none sees a neighbour's or a later one.
//!
//! `cargo run --release --example loop_variable` prints
//!
//! ```text
//! captured: [1, 2, 3]
//! passed: [1, 2, 3]
//! ```

use csp::prelude::*;

fn sorted(values: Receiver<i32>) -> Vec<i32> {
    let mut all: Vec<_> = values.iter().collect();
    all.sort();
    all
}

#[csp::main]
fn main() {
    // Captured: each turn's `i` moves into that turn's goroutine.
    let (tx, captured) = channel(3);
    for i in 1..=3 {
        go!(clone(tx) => tx.send(i).unwrap());
    }
    drop(tx);
    let captured = sorted(captured);
    assert_eq!(captured, [1, 2, 3]);
    println!("captured: {captured:?}");

    // Passed: arguments are evaluated at the `go!`, so the value is this turn's as well.
    let (tx, passed) = channel(3);
    let mut i = 0;
    while i < 3 {
        i += 1;
        go!(clone(tx) => (move |n: i32| tx.send(n).unwrap())(i));
    }
    drop(tx);
    let passed = sorted(passed);
    assert_eq!(passed, [1, 2, 3]);
    println!("passed: {passed:?}");
}
