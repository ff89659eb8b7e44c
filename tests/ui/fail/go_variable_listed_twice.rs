//! A variable is cloned or borrowed, not both.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let n = 1;
    go!(clone(n), ref(n) => work(*n));
    work(0);
    wg.wait();
}
