//! Every wrong arm gets its error.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        tx => {}
        <-rx => {}
        tx <- => {}
    }
    drop((tx, rx));
}
