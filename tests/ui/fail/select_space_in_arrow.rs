//! `<-` is one token.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = < -rx => drop(v),
    }
    drop((tx, rx));
}
