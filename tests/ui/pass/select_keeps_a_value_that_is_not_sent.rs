//! VALUE is evaluated only for the chosen arm, also in a loop that its body leaves.

#![deny(warnings)]

use csp::prelude::*;

fn first(texts: &Receiver<String>) -> Result<usize, std::num::ParseIntError> {
    let (tx, rx) = channel::<usize>(1);
    let text = texts.recv().unwrap();
    // The `?` leaves the select before anything was sent.
    select! { tx <- text.parse()? => {} }
    Ok(rx.recv().unwrap())
}

fn main() {
    let (tx, rx) = channel::<String>(1);
    tx.send("full".to_string()).unwrap();
    let value = "value".to_string();
    let mut received = Vec::new();
    loop {
        select! {
            tx <- value => break,
            Some(v) = <-rx => received.push(v),
        }
    }
    assert_eq!(received, ["full"]);
    assert_eq!(rx.recv().unwrap(), "value");

    let (txs, texts) = channel::<String>(2);
    txs.send("12".to_string()).unwrap();
    txs.send("x".to_string()).unwrap();
    assert_eq!(first(&texts), Ok(12));
    assert!(first(&texts).is_err());
    'outer: for _ in 0..3 {
        loop {
            select! {
                txs <- { break 'outer } => {}
            }
        }
    }
    assert_eq!(texts.len(), 0);
    txs.send("still open".to_string()).unwrap();
}
