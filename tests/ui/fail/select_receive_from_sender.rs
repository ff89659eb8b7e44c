//! A `Sender` does not receive.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = <-tx => drop(v),
    }
    drop((tx, rx));
}
