//! There is one `default`.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx => {}
        default => {}
        default => {}
    }
    drop((tx, rx));
}
