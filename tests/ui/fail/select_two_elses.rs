//! There is one `else`.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        <-rx => {}
        else => {}
        else => {}
    }
    drop((tx, rx));
}
