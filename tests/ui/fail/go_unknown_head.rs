//! Unknown options are named.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(nmae("w") => work(1));
    work(0);
    wg.wait();
}
