//! Rule 2: whoever receives a value finds it as its sender left it.

#![deny(warnings)]

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel(1);
    let sum = go!({
        let numbers: Vec<u32> = rx.recv().unwrap();
        numbers.iter().sum::<u32>()
    });
    let mut numbers = vec![1, 2];
    numbers.push(3);
    tx.send(numbers).unwrap();
    assert_eq!(sum.join().unwrap(), 6);
}
