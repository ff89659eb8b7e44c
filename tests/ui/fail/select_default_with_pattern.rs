//! `default` takes no pattern.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        default = <-rx => {}
    }
    drop((tx, rx));
}
