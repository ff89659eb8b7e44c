//! A channel of capacity 2 lets two pass at a time: they may add at once.

use csp::prelude::*;

fn main() {
    let (enter, leave) = channel(2);
    let mut total = 0;
    scope(|s| {
        for _ in 0..4 {
            go!(in s, ref(enter, leave, mut total) => {
                enter.send(()).unwrap();
                *total += 1;
                leave.recv();
            });
        }
    });
    assert_eq!(total, 4);
}
