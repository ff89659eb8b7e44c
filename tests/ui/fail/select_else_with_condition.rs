//! `else` takes no condition.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx => {}
        else if true => {}
    }
    drop((tx, rx));
}
