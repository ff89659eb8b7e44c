//! Buffers that are used again and again instead of being allocated for each request: a `Pool`, as a static.
//!
//! `cargo run --release --example object_pool` prints
//!
//! ```text
//! what was given back comes again, as it was left
//! 4000 requests of 8 goroutines: answered by at most 8 buffers
//! a buffer that is kept does not come back
//! ```

use std::fmt::Write;

use csp::prelude::*;
use csp::sync::Pool;
use csp::sync::atomic::{AtomicUsize, Ordering};

const GOROUTINES: usize = 8;
const REQUESTS: usize = 500;

/// How many buffers were ever made.
static MADE: AtomicUsize = AtomicUsize::new(0);

static BUFFERS: Pool<String> = Pool::new(|| {
    MADE.fetch_add(1, Ordering::Relaxed);
    String::with_capacity(1024)
});

/// Answers a request: the text exists in the buffer only, until its length is known.
fn respond(client: usize, request: usize) -> usize {
    let mut page = BUFFERS.get();
    // It is as its last user has left it.
    page.clear();
    write!(page, "<h1>Request {request} of client {client}</h1>").expect("a string takes all");
    page.len()
    // Here the guard is dropped, and the buffer goes back.
}

#[csp::main]
fn main() {
    let mut buffer = BUFFERS.get();
    buffer.push_str("left behind");
    let place = buffer.as_ptr();
    drop(buffer);
    let buffer = BUFFERS.get();
    assert_eq!((buffer.as_str(), buffer.as_ptr()), ("left behind", place));
    drop(buffer);
    println!("what was given back comes again, as it was left");

    let goroutines: Vec<_> = (0..GOROUTINES)
        .map(|client| go!({ (0..REQUESTS).map(|n| respond(client, n)).sum::<usize>() }))
        .collect();
    let written: usize = goroutines.into_iter().map(|g| g.join().unwrap()).sum();
    let page = "<h1>Request  of client 0</h1>".len();
    let digits: usize = (0..REQUESTS).map(|n| n.to_string().len()).sum();
    assert_eq!(written, GOROUTINES * (REQUESTS * page + digits));
    // Nobody holds two at once. All are back.
    let made = MADE.load(Ordering::Relaxed);
    assert!((1..=GOROUTINES).contains(&made), "{made} were made");
    assert_eq!(BUFFERS.idle(), made);
    println!(
        "{} requests of {GOROUTINES} goroutines: answered by at most {GOROUTINES} buffers",
        GOROUTINES * REQUESTS
    );

    let kept: String = BUFFERS.get().into_inner();
    assert!(kept.capacity() >= 1024);
    assert_eq!(BUFFERS.idle(), made - 1);
    println!("a buffer that is kept does not come back");

    BUFFERS.clear();
    assert_eq!(BUFFERS.idle(), 0);
}
