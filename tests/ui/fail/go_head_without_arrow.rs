//! A head ends with `=>`.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(in wg, work(1));
    work(0);
    wg.wait();
}
