//! Only variables can be cloned.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let pair = (1, 2);
    go!(clone(pair.0) => work(1));
    work(0);
    wg.wait();
}
