//! `in group` runs bodies that return a `Result`; a `?` in a block ends the goroutine.

#![deny(warnings)]

use csp::prelude::*;

fn main() {
    let group = ErrGroup::<String>::new();
    let label = "w".to_string();
    go!(in group => { Ok(()) });
    go!(in group, clone(label) => {
        let number: u32 = label.parse().map_err(|_| label)?;
        assert_eq!(number, 0);
        Ok(())
    });
    assert_eq!(group.wait(), Err(label));
}
