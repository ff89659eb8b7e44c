//! A `Receiver` does not send.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        rx <- 1 => {}
    }
    drop((tx, rx));
}
