//! There is one body.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(work(1), work(2));
    work(0);
    wg.wait();
}
