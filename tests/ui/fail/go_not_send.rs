//! What moves in is `Send`.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let shared = std::rc::Rc::new(1);
    go!(drop(shared));
    work(0);
    wg.wait();
}
