//! Single operations of csp, as often as the command line says, to have their instructions counted.
//!
//! ```text
//! operations --list              a line `OPERATION WHAT IT IS` for each
//! operations OPERATION COUNT     does it so often, with the processors that GOMAXPROCS says
//! ```
//!
//! Nothing is timed here. Whoever counts runs an operation twice, the second time twice as often: the difference is the
//! operations alone, without the start and the end of the process. So the cost of an operation must not depend on how
//! many there are, and all that is made only once must be of one size: the channel into which `send` puts its values has
//! room for [`MOST`] of them in either run, and has held as many; `receive` takes its from one that was filled to the brim.

use std::hint::black_box;
use std::{array, env, mem, process};

use csp::prelude::*;
use csp::sync::Mutex;
use csp_benchmarks::{SPAWN_BATCH, STREAM_CAPACITY};

/// The largest count there is.
const MOST: usize = 100_000;

/// An operation: its name, what it is, and the function that does it so many times.
type Operation = (&'static str, &'static str, fn(usize));

const OPERATIONS: [Operation; 8] = [
    (
        "switch",
        "a goroutine yields to another and that one back: one yield",
        switch,
    ),
    ("send", "into a channel that has room", send),
    ("receive", "from a channel that has a value", receive),
    (
        "stream",
        "a value goes to another goroutine through a channel of capacity 128",
        stream,
    ),
    (
        "pingpong",
        "a value goes to another goroutine through an unbuffered channel, and another comes back: one of the two",
        pingpong,
    ),
    (
        "select",
        "a value is received from one of two unbuffered channels, each with a sender that waits: both sides",
        select,
    ),
    (
        "spawn",
        "a goroutine is started, runs, and signs off at a wait group",
        spawn,
    ),
    (
        "mutex",
        "a mutex that is free is locked and unlocked",
        mutex,
    ),
];

#[csp::main(panic = "exit")]
fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [option] if option == "--list" => {
            for (name, what, _) in OPERATIONS {
                println!("{name} {what}");
            }
        }
        [name, count] => {
            let operation = OPERATIONS.iter().find(|(known, _, _)| known == name);
            match (operation, count.parse()) {
                (Some((_, _, run)), Ok(count)) if count <= MOST => run(count),
                _ => usage(),
            }
        }
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!("usage: operations --list | OPERATION COUNT, where COUNT is at most {MOST}");
    process::exit(2);
}

fn switch(count: usize) {
    let group = WaitGroup::new();
    for _ in 0..2 {
        go!(in group => {
            for _ in 0..count / 2 {
                csp::yield_now();
            }
        });
    }
    group.wait();
}

fn send(count: usize) {
    let (tx, rx) = channel(MOST);
    // The buffer grows as it fills for the first time.
    for value in 0..MOST {
        tx.send(value).unwrap();
    }
    for _ in 0..MOST {
        black_box(rx.recv());
    }
    for value in 0..count {
        tx.send(value).unwrap();
    }
    // What to do with values that nobody has received depends on how many they are.
    mem::forget((tx, rx));
}

fn receive(count: usize) {
    let (tx, rx) = channel(MOST);
    for value in 0..MOST {
        tx.send(value).unwrap();
    }
    for _ in 0..count {
        black_box(rx.recv());
    }
    mem::forget((tx, rx));
}

fn stream(count: usize) {
    let (tx, rx) = channel(STREAM_CAPACITY);
    let sender = go!({
        for value in 0..count {
            tx.send(value).unwrap();
        }
    });
    for value in &rx {
        black_box(value);
    }
    sender.join().unwrap();
}

fn pingpong(count: usize) {
    let (there, here) = channel::<usize>(0);
    let (answer, answers) = channel::<usize>(0);
    let other = go!({
        for value in &here {
            answer.send(value).unwrap();
        }
    });
    for value in 0..count / 2 {
        there.send(value).unwrap();
        black_box(answers.recv());
    }
    drop(there);
    other.join().unwrap();
}

fn select(count: usize) {
    // Kept to the end, so that no channel closes before both are drained.
    let mut kept = Vec::new();
    let c: [Receiver<usize>; 2] = array::from_fn(|_| {
        let (tx, rx) = channel(0);
        kept.push(tx.clone());
        go!({
            for value in 0..count / 2 {
                tx.send(value).unwrap();
            }
        });
        rx
    });
    for _ in 0..count / 2 * 2 {
        let value = select! {
            v = <-c[0] => v,
            v = <-c[1] => v,
        };
        black_box(value);
    }
}

fn spawn(count: usize) {
    for _ in 0..count / SPAWN_BATCH {
        let group = WaitGroup::new();
        for _ in 0..SPAWN_BATCH {
            go!(in group => {});
        }
        group.wait();
    }
}

fn mutex(count: usize) {
    let counter = Mutex::new(0);
    for _ in 0..count {
        *counter.lock() += 1;
    }
    assert_eq!(*counter.lock(), count);
}
