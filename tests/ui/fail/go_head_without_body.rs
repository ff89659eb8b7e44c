//! A head needs its body.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(in wg =>);
    work(0);
    wg.wait();
}
