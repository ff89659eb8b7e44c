//! A failed pattern, a `false` condition and `None` disable an arm; the rest goes on.

#![deny(warnings)]

use csp::prelude::*;

const END: Option<u32> = Some(9);

fn main() {
    let (a_tx, a) = channel::<u32>(3);
    let (b_tx, b) = channel::<u32>(3);
    a_tx.send(1).unwrap();
    b_tx.send(2).unwrap();
    let got = select! {
        biased;
        Some(5) = <-a => 5,
        Some(n @ 2..=3) = <-b => n,
    };
    assert_eq!(got, 2);
    assert_eq!((a.len(), b.len()), (0, 0));

    a_tx.send(9).unwrap();
    assert!(select! { END = <-a => true, else => false });
    a_tx.send(8).unwrap();
    assert!(!select! { END = <-a => true, else => false });

    // A merge of two channels until both are closed; bodies assign to the sources.
    let (mut a, mut b) = (Some(a), Some(b));
    a_tx.send(1).unwrap();
    b_tx.send(2).unwrap();
    drop((a_tx, b_tx));
    let mut sum = 0;
    loop {
        select! {
            v = <-a => match v {
                Some(v) => sum += v,
                None => a = None,
            },
            v = <-b => match v {
                Some(v) => sum += v,
                None => b = None,
            },
            else => break,
        }
    }
    assert_eq!(sum, 3);
}
