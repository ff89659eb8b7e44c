//! Merges two producers into one stream with `select!`, taking from whichever is ready, until both
//! have closed.
//!
//! `cargo run --release --example fan_in` prints
//!
//! ```text
//! 5 from ann, 3 from joe
//! ```

use csp::prelude::*;

fn talk(name: &'static str, times: u32) -> Receiver<(&'static str, u32)> {
    let (out, words) = channel(0);
    go!({
        for i in 0..times {
            out.send((name, i)).unwrap();
        }
    });
    words
}

#[csp::main]
fn main() {
    let ann = talk("ann", 5);
    let joe = talk("joe", 3);

    let (mut from_ann, mut from_joe) = (0, 0);
    loop {
        // A closed channel gives `None`, which is no `Some(…)`: that arm is out, the other goes on.
        select! {
            Some((name, i)) = <-ann => {
                assert_eq!((name, i), ("ann", from_ann));
                from_ann += 1;
            }
            Some((name, i)) = <-joe => {
                assert_eq!((name, i), ("joe", from_joe));
                from_joe += 1;
            }
            else => break,
        }
    }
    assert_eq!((from_ann, from_joe), (5, 3));
    println!("{from_ann} from ann, {from_joe} from joe");
}
