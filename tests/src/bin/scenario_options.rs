//! A program with options: three Ps whatever the environment says, large stacks, goroutines that keep their thread.

use csp::prelude::*;
use std::thread;

#[csp::main(gomaxprocs = 3, pinned, stack = 8 << 20, preempt = false)]
fn main() {
    println!("gomaxprocs {}", csp::runtime::gomaxprocs(None));
    println!(
        "depth {}",
        go!(descend(20_000)).join().expect("it is deep enough")
    );
    let same = (0..20).map(|_| {
        go!({
            let home = thread::current().id();
            (0..50).all(|_| {
                csp::time::sleep(Duration::from_micros(20));
                thread::current().id() == home
            })
        })
    });
    let same: Vec<_> = same.collect();
    println!(
        "same thread {}",
        same.into_iter()
            .all(|handle| handle.join().expect("it runs"))
    );
    println!("from a thread {}", beside_busy_goroutines());
}

/// Whether a goroutine of a plain thread runs although those of the only Ps never stop yielding.
fn beside_busy_goroutines() -> bool {
    csp::runtime::gomaxprocs(Some(1));
    let (stop, stopped) = channel::<()>(0);
    for _ in 0..3 {
        go!(clone(stopped) => {
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                csp::yield_now();
            }
        });
    }
    let ran = thread::spawn(|| go!({ true }).join());
    while !ran.is_finished() {
        csp::yield_now();
    }
    stop.close();
    matches!(ran.join(), Ok(Ok(true)))
}

/// Uses well over a hundred bytes of stack for each level.
fn descend(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 8]);
    if levels == 0 {
        0
    } else {
        descend(frame[5] - 1) + 1
    }
}
