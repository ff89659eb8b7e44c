//! Starts a goroutine and waits for it: when `main` returns the process ends, ready or not.
//!
//! `cargo run --release --example hello` prints
//!
//! ```text
//! hello from a goroutine
//! goodbye from main
//! ```

use csp::prelude::*;

#[csp::main]
fn main() {
    let wg = WaitGroup::new();
    go!(in wg => println!("hello from a goroutine"));
    wg.wait();
    println!("goodbye from main");
}
