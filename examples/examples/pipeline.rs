//! A producer, a stage and a consumer joined by channels; each ends when the one before it closes.
//!
//! `cargo run --release --example pipeline` prints
//!
//! ```text
//! [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]
//! sum 385
//! ```

use csp::prelude::*;

/// Produces the numbers; the channel closes when the goroutine ends and drops the only sender.
fn numbers(n: u64) -> Receiver<u64> {
    let (out, numbers) = channel(0);
    go!({
        for i in 1..=n {
            out.send(i).unwrap();
        }
    });
    numbers
}

/// Squares what arrives, until nothing more does.
fn squares(numbers: Receiver<u64>) -> Receiver<u64> {
    let (out, squares) = channel(0);
    go!({
        for n in &numbers {
            out.send(n * n).unwrap();
        }
    });
    squares
}

#[csp::main]
fn main() {
    let squares: Vec<u64> = squares(numbers(10)).iter().collect();
    let sum: u64 = squares.iter().sum();
    assert_eq!(sum, 385);
    println!("{squares:?}\nsum {sum}");
}
