//! The arms have one type.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = <-rx => v,
        default => "nothing",
    }
    drop((tx, rx));
}
