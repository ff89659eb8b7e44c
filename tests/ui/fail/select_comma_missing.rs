//! A body that is no block ends with a comma.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx => work()
        default => {}
    }
    drop((tx, rx));
}
