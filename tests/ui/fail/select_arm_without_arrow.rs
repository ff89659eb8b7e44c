//! An arm needs `=>`.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = <-rx { drop(v) }
        default => {}
    }
    drop((tx, rx));
}
