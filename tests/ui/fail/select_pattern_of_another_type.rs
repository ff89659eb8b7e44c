//! The pattern matches an `Option` of the message.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        Ok(v) = <-rx => drop::<u32>(v),
    }
    drop((tx, rx));
}
