//! Nothing polls a future.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(async { work(1) });
    work(0);
    wg.wait();
}
