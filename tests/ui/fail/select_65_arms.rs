//! There are at most 64 arms.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {}
        <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {}
        <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {}
        <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {}
        <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {} <-rx => {}
    }
    drop((tx, rx));
}
