//! A send needs its value.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        tx <- => {}
    }
    drop((tx, rx));
}
