//! Every option of `go!`, in any order, and a function that has an option's name.

#![deny(warnings)]

use csp::prelude::*;

fn name(x: u32) -> u32 {
    x
}

fn main() {
    assert_eq!(go!(name(3)).join().unwrap(), 3);

    let wg = WaitGroup::new();
    let (tx, rx) = channel::<String>(4);
    let label = String::from("w");
    let worker = 2;
    go!(stack(256 * 1024), name(format!("{label}{worker}")), clone(tx, label), in wg => {
        tx.send(label).unwrap();
    });
    go!(in wg, name("plain"), clone(tx), clone(wg) => {
        go!(in wg => tx.send("nested".to_string()).unwrap());
    });
    wg.wait();
    let mut got = [rx.recv().unwrap(), rx.recv().unwrap()];
    got.sort();
    assert_eq!(got, ["nested", "w"]);
    assert_eq!(go!(name("n"), => name(7)).join().unwrap(), 7);
}
