//! There is something to run.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!();
    work(0);
    wg.wait();
}
