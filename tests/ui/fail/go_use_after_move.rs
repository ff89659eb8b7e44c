//! What moved in is gone.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let text = String::new();
    go!(drop(text));
    drop(text);
    work(0);
    wg.wait();
}
