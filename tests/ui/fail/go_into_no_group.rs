//! `in` takes a group.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    go!(in 5 => work(1));
    work(0);
    wg.wait();
}
