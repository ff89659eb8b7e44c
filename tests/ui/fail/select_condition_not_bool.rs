//! A condition is a `bool`.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx, if 1 => {}
    }
    drop((tx, rx));
}
