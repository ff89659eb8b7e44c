//! `break`, `continue`, `return` and `?` in bodies act on the function around the `select!`.

#![deny(warnings)]

use csp::prelude::*;

fn until_even(rx: &Receiver<u32>) -> Result<u32, String> {
    let mut seen = 0;
    let last = 'all: loop {
        for _ in 0..2 {
            select! {
                v = <-rx => {
                    seen += 1;
                    let v = v.ok_or_else(|| format!("closed after {seen}"))?;
                    if v == 100 {
                        return Ok(v);
                    }
                    if v % 2 == 1 {
                        continue 'all;
                    }
                    break 'all v;
                }
            }
        }
    };
    Ok(last)
}

fn forever() -> ! {
    select! {}
}

fn main() {
    let (tx, rx) = channel::<u32>(8);
    for v in [1, 3, 4, 100, 1] {
        tx.send(v).unwrap();
    }
    drop(tx);
    assert_eq!(until_even(&rx), Ok(4));
    assert_eq!(until_even(&rx), Ok(100));
    assert_eq!(until_even(&rx), Err("closed after 2".to_string()));
    let _: fn() -> ! = forever;

    // Arms that never give a value take the type of the others.
    let value: u64 = loop {
        let value = select! {
            Some(v) = <-rx => u64::from(v),
            else => break 7,
            _ = <-never::<()>(), if false => continue,
        };
        assert_eq!(value, 0);
    };
    assert_eq!(value, 7);
}
