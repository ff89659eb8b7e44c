//! Two goroutines cannot write one variable.

use csp::prelude::*;

fn work(n: u32) -> u32 {
    n
}

fn main() {
    let wg = WaitGroup::new();
    let mut total = 0;
    scope(|s| {
        go!(in s, ref(mut total) => { *total += 1 });
        go!(in s, ref(mut total) => { *total += 1 });
    });
    work(total);
    work(0);
    wg.wait();
}
