//! In a scope, `ref` borrows, and a closure literal captures as it is written.

#![deny(warnings)]

use csp::prelude::*;

fn fill(part: &mut [u32], with: u32) {
    part.fill(with);
}

fn main() {
    let mut left = [0; 2];
    let mut right = vec![0; 2];
    let mut total = 0;
    let source = vec![1, 2, 3];
    scope(|s| {
        go!(in s, ref(mut left) => fill(left, 1));
        go!(in s, ref(mut right, source), name("right") => {
            right[0] = source[2];
        });
        let sum = go!(in s => || {
            total += source.len();
            source.iter().sum::<i32>()
        });
        assert_eq!(sum.join().unwrap(), 6);
        go!(in s => {
            go!(in s => || assert_eq!(1, 1));
        });
    });
    assert_eq!((left, right, total), ([1, 1], vec![3, 0], 3));
}
