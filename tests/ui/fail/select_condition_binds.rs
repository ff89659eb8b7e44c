//! A condition is no `if let`.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx, if let Some(_) = Some(1) => {}
    }
    drop((tx, rx));
}
