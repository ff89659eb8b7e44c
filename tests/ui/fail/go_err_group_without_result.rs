//! In an `ErrGroup` a body gives a `Result`.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let group = ErrGroup::<String>::new();
    go!(in group => work(1));
    work(0);
    wg.wait();
}
