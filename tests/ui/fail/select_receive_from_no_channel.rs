//! Only channels can be received from.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    let number = 5;
    select! {
        v = <-number => drop(v),
    }
    drop((tx, rx));
}
