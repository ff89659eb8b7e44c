//! The value has the channel's type.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        tx <- "one" => {}
    }
    drop((tx, rx));
}
