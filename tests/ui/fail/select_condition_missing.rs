//! An `if` needs its condition.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx, if => {}
    }
    drop((tx, rx));
}
