//! What is written after the send is not ordered with what the receiver reads.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel(1);
    let sum = go!({
        let numbers: Vec<u32> = rx.recv().unwrap();
        numbers.iter().sum::<u32>()
    });
    let mut numbers = vec![1, 2];
    tx.send(numbers).unwrap();
    numbers.push(3);
    assert_eq!(sum.join().unwrap(), 6);
}
