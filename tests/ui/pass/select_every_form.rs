//! Every form of arm, with and without conditions and commas.

#![deny(warnings)]

use csp::prelude::*;

#[derive(Debug, PartialEq)]
struct Point {
    x: i32,
}

fn main() {
    let (tx, rx) = channel::<Point>(1);
    let closed = {
        let (_, rx) = channel::<u32>(1);
        rx
    };
    let mut sent = 0;
    for round in 0..2 {
        let got = select! {
            Some(Point { x: x @ 5.. } | Point { x }) = <-rx => x,
            tx <- Point { x: round }, if round == 0 => {
                sent += 1;
                -1
            }
        };
        assert_eq!(got, round - 1);
    }
    assert_eq!(sent, 1);

    let answer = tx.send(Point { x: 5 });
    assert!(answer.is_ok());
    select! {
        biased;
        v = <-closed => assert_eq!(v, None),
        <-rx => unreachable!(),
    }
    let full = select! {
        res = &tx <- Point { x: 6 } => res.is_ok(),
        default => false,
    };
    assert!(!full);
    select! { <-rx => {} }
    select! { _ = <-rx => {} default => {} }
    let (a, b) = (1, 2);
    let which = select! {
        _ = <-Some(&rx), if a < -b => 1,
        _ = <-None::<&csp::Receiver<u32>> => 2,
        else => 3
    };
    assert_eq!(which, 3);
    let which = select! {
        None = <-&rx => 1,
        default => 2,
    };
    assert_eq!(which, 2);
    drop(rx);
    let result = select! { res = tx <- Point { x: 7 } => res };
    assert_eq!(result.unwrap_err().0, Point { x: 7 });
    select! { default => {} }
    select! { else => {} }
    select! { _ = <-after(Duration::from_millis(1)) => {} }
}
