//! `biased;` comes first.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx => {}
        biased;
        default => {}
    }
    drop((tx, rx));
}
