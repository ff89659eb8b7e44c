//! A program whose attribute switches preemption off: a goroutine that computes is left alone.

use csp::prelude::*;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

#[csp::main(gomaxprocs = 1, preempt = false)]
fn main() {
    let other_ran = Arc::new(AtomicBool::new(false));
    let hog = go!(clone(other_ran) => {
        go!(clone(other_ran) => other_ran.store(true, Ordering::SeqCst));
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(150) {
            spin_loop();
        }
        other_ran.load(Ordering::SeqCst)
    });
    println!("interrupted {}", hog.join().expect("it ends"));

    let (tx, rx) = channel(0);
    go!({
        csp::time::sleep(Duration::from_millis(5));
        csp::blocking(|| std::thread::sleep(Duration::from_millis(5)));
        tx.send(other_ran.load(Ordering::SeqCst))
            .expect("main receives");
    });
    assert_eq!(rx.recv(), Some(true));
    println!("the rest works");
}
