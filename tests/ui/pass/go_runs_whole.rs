//! Blocks, closures, macros, parentheses and tuples run whole in the goroutine, and own what they use.

#![deny(warnings)]

use csp::prelude::*;

macro_rules! run {
    ($e:expr) => {
        go!($e).join().unwrap()
    };
}

fn double(n: u32) -> u32 {
    n * 2
}

fn main() {
    let caller = std::thread::current().id();
    let elsewhere = || std::thread::current().id();
    assert_ne!(go!({ elsewhere() }).join().unwrap(), caller);
    assert_ne!(go!((double(1), elsewhere())).join().unwrap().1, caller);
    assert_ne!(go!((elsewhere())).join().unwrap(), caller);

    let text = String::from("text");
    assert_eq!(
        go!(clone(text) => format!("{text}!")).join().unwrap(),
        "text!"
    );
    assert_eq!(go!(|| text.len()).join().unwrap(), 4);

    let mut count = 1;
    let copy = go!(|| {
        count += 1;
        count
    });
    assert_eq!((copy.join().unwrap(), count), (2, 1));
    count += 1;
    assert_eq!(
        go!(match count {
            2 => "two",
            _ => "other",
        })
        .join()
        .unwrap(),
        "two"
    );
    assert_eq!(
        go!(loop {
            break 5;
        })
        .join()
        .unwrap(),
        5
    );
    assert_eq!(go!(if count > 1 { 1 } else { 2 }).join().unwrap(), 1);
    go!({
        if count == 2 {
            return;
        }
        unreachable!()
    })
    .join()
    .unwrap();

    // Fragments of the user's own macros.
    assert_eq!(run!(double(4)), 8);
    assert_eq!(run!({ double(5) }), 10);
    assert_eq!(run!(count.max(7)), 7);
}
