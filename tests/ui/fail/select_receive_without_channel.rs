//! A receive needs its channel.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = <- => drop(v),
    }
    drop((tx, rx));
}
