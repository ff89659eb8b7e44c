//! An assignment is no call.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let total;
    go!(total = work(1));
    work(0);
    wg.wait();
}
