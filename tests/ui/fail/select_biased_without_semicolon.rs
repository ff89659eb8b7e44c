//! `biased` ends with `;`.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        biased,
        <-rx => {}
    }
    drop((tx, rx));
}
