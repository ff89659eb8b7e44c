//! Without a scope nothing is borrowed.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let text = String::new();
    go!(ref(text) => { text.len() });
    work(0);
    wg.wait();
}
