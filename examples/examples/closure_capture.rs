//! A goroutine keeps the variables it captured after the function that declared them has returned.
//!
//! Go moves such a variable to the heap; here it moves into the goroutine, which then owns it.
//!
//! `cargo run --release --example closure_capture` prints
//!
//! ```text
//! returned from increment
//! i is 1
//! done
//! ```

use csp::prelude::*;

fn increment(wg: &WaitGroup, returned: Receiver<()>) -> JoinHandle<i32> {
    let mut i = 0;
    go!(in wg => {
        assert_eq!(returned.recv(), None); // waits until it is closed
        i += 1;
        println!("i is {i}");
        i
    })
}

#[csp::main]
fn main() {
    let wg = WaitGroup::new();
    let (signal, returned) = channel::<()>(0);

    let handle = increment(&wg, returned);
    println!("returned from increment");
    signal.close();

    wg.wait();
    assert_eq!(handle.join().unwrap(), 1);
    println!("done");
}
