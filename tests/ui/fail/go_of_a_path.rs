//! A bare path is no call.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(work);
    work(0);
    wg.wait();
}
