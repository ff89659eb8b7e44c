//! Programs whose stacks grow, on goroutines and on threads; the first argument chooses. The runtime runs where a goroutine is.

use csp::prelude::*;
use csp::stack;
use std::hint::black_box;
use std::panic::catch_unwind;

fn main() {
    let name = std::env::args().nth(1).expect("the name of a scenario");
    match name.as_str() {
        "unmarked" => drop(go!(name("runner") => { run_off() }).join()),
        "unmarked_thread" => drop(std::thread::spawn(run_off).join()),
        "unmarked_ending_thread" => drop(std::thread::spawn(run_off_at_the_end).join()),
        "limit" => drop(go!(name("runner") => { descend(u64::MAX) }).join()),
        "limit_thread" => drop(descend(u64::MAX)),
        "deep" => println!("depth {}", go!(descend(200_000)).join().expect("it ends")),
        "deep_thread" => println!("depth {}", descend(200_000)),
        "refused" => go!(refused()).join().expect("it goes on"),
        "refused_unwinding" => go!(refused_unwinding()).join().expect("it goes on"),
        "waits" => waits(),
        other => panic!("no scenario {other}"),
    }
}

/// Uses well over a hundred bytes of stack for each level.
#[csp::recursive]
fn descend(levels: u64) -> u64 {
    let frame = black_box([levels; 8]);
    if levels == 0 {
        0
    } else {
        descend(frame[5] - 1) + 1
    }
}

/// As [`descend`], without the mark.
fn unmarked(levels: u64) -> u64 {
    let frame = black_box([levels; 8]);
    if levels == 0 {
        0
    } else {
        unmarked(frame[5] - 1) + 1
    }
}

fn run_off() -> u64 {
    stack::ensure(6 << 20, || unmarked(u64::MAX))
}

/// Runs off a segment in the destructor of a thread-local, when the thread has no stack for signal handlers any more.
fn run_off_at_the_end() {
    struct Last;

    impl Drop for Last {
        fn drop(&mut self) {
            run_off();
        }
    }

    thread_local!(static LAST: std::cell::OnceCell<Last> = const { std::cell::OnceCell::new() });
    LAST.with(|last| drop(last.set(Last)));
}

/// With little address space: what cannot grow says so, and all goes on.
fn refused() {
    // Larger than what is left.
    for _ in 0..3 {
        let payload = catch_unwind(|| stack::ensure(400 << 20, || ())).unwrap_err();
        println!("{}", payload.downcast_ref::<String>().expect("a text"));
    }
    println!("depth {}", descend(20_000));
    let handles: Vec<_> = (0..10).map(|_| go!(descend(20_000))).collect();
    let sum: u64 = handles
        .into_iter()
        .map(|h| h.join().expect("it ends"))
        .sum();
    println!("sum {sum}");
}

/// A destructor asks for what is not there, while the goroutine unwinds.
fn refused_unwinding() {
    struct Greedy;

    impl Drop for Greedy {
        fn drop(&mut self) {
            println!("dropped {}", stack::ensure(400 << 20, || 7));
        }
    }

    let payload = catch_unwind(|| {
        let _greedy = Greedy;
        panic!("first");
    });
    println!("caught {}", payload.is_err());
}

/// The report on a goroutine that waits on its third stack.
fn waits() {
    #[inline(never)]
    fn outer(rx: &Receiver<u8>) {
        let text = black_box([1_u8; 100]);
        stack::ensure(6 << 20, || middle(rx));
        black_box(text);
    }

    #[inline(never)]
    fn middle(rx: &Receiver<u8>) {
        let text = black_box([1_u8; 100]);
        stack::ensure(20 << 20, || inner(rx));
        black_box(text);
    }

    #[inline(never)]
    fn inner(rx: &Receiver<u8>) {
        println!("{:?}", rx.recv());
    }

    let (tx, rx) = channel::<u8>(0);
    let first = go!(name("first") => { outer(&rx) });
    loop {
        let mut text = Vec::new();
        csp::runtime::dump(&mut text).expect("a vector takes it");
        let text = String::from_utf8(text).expect("it is text");
        // It has said that it waits a little before it is off the processor, and only then can its frames be looked at.
        if text.contains("chan receive") && text.contains("inner") {
            print!("{text}");
            break;
        }
        std::thread::yield_now();
    }
    tx.send(7).expect("it waits");
    first.join().expect("it ends");
}
