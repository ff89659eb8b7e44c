//! An arm needs a body.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = <-rx =>,
        default => {}
    }
    drop((tx, rx));
}
