//! A `=` needs its pattern.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        = <-rx => {}
    }
    drop((tx, rx));
}
