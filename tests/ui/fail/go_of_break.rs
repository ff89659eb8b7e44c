//! `break` is no call.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    for _ in 0..2 {
        go!(break);
    }
    work(0);
    wg.wait();
}
