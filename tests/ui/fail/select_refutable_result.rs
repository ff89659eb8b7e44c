//! The pattern for a send's result matches always.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        Ok(()) = tx <- 1 => {}
    }
    drop((tx, rx));
}
