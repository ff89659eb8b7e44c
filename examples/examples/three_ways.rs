//! The ways to start a goroutine: a call of a named function, a closure literal called in place, a
//! block, a method, and a function held in a variable.
//!
//! `cargo run --release --example three_ways` prints
//!
//! ```text
//! function: 1
//! closure: 2
//! block: 3
//! method: 4
//! value: 5
//! ```

use csp::prelude::*;

fn report(out: Sender<(u32, String)>, how: &str, n: u32) {
    out.send((n, format!("{how}: {n}"))).unwrap();
}

struct Reporter {
    out: Sender<(u32, String)>,
}

impl Reporter {
    fn report(self, how: &str, n: u32) {
        report(self.out, how, n);
    }
}

#[csp::main]
fn main() {
    let (out, reports) = channel(0);

    // A named function. Its arguments are evaluated here, the call runs over there.
    go!(report(out.clone(), "function", 1));

    // A closure literal called in place: parameters are a second way to hand values over.
    go!(clone(out) => (move |how: &str, n: u32| report(out, how, n))("closure", 2));

    // A block: everything in it runs in the goroutine, and what it names moves in.
    go!(clone(out) => {
        let n = 1 + 2;
        report(out, "block", n);
    });

    // A method, called on a receiver evaluated here.
    let reporter = Reporter { out: out.clone() };
    go!(reporter.report("method", 4));

    // A function held in a variable.
    let f = report;
    go!(f(out, "value", 5));

    // The goroutines run in any order, so their reports are put in order before printing.
    let mut lines: Vec<_> = reports.iter().collect();
    lines.sort();
    assert_eq!(lines.len(), 5);
    for (_, line) in lines {
        println!("{line}");
    }
}
