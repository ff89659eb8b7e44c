//! A closure must be called with its arguments.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(|n| work(n));
    work(0);
    wg.wait();
}
