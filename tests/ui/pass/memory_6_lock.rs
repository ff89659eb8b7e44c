//! Rule 6: whoever has locked finds what was written before the last unlock.

#![deny(warnings)]

use csp::prelude::*;
use csp::sync::Mutex;

fn main() {
    let names = Mutex::new(Vec::new());
    scope(|s| {
        for n in 0..4 {
            go!(in s, ref(names) => names.lock().push(n));
        }
    });
    let mut names = names.lock();
    names.sort();
    assert_eq!(*names, [0, 1, 2, 3]);
}
