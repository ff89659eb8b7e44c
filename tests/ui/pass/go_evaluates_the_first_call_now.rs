//! The callee or receiver and the arguments of the first call are evaluated by the caller, left to right.

#![deny(warnings)]

use csp::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn log<T>(what: &'static str, value: T) -> T {
    LOG.lock().unwrap().push(what);
    value
}

struct Chain(u32);

impl Chain {
    fn add(mut self, n: u32) -> Chain {
        self.0 += n;
        self
    }

    fn bump(&mut self, n: u32) -> u32 {
        self.0 += n;
        self.0
    }
}

struct Server {
    hits: AtomicUsize,
    start: fn(u32) -> u32,
}

fn sum(a: u32, b: u32) -> u32 {
    a + b
}

fn adder(n: u32) -> impl Fn(u32) -> u32 + Send {
    move |m| n + m
}

fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    let handle = go!(sum(1, text.parse()?));
    Ok(handle.join().unwrap())
}

fn main() {
    // The goroutine runs only behind the `go!`, so the order of the arguments shows in the log.
    let handle = go!(sum(log("a", 1), log("b", 2)));
    assert_eq!(*LOG.lock().unwrap(), ["a", "b"]);
    assert_eq!(handle.join().unwrap(), 3);

    // A `?` in an argument leaves the caller.
    assert_eq!(parse("4").unwrap(), 5);
    assert!(parse("x").is_err());

    // The rest of the chain is the goroutine's.
    let caller = std::thread::current().id();
    let chain = Chain(1);
    let handle = go!(chain.add(2).add({
        assert_ne!(std::thread::current().id(), caller);
        3
    }));
    assert_eq!(handle.join().unwrap().0, 6);
    assert_eq!(go!(Chain(1).add(1).bump(1)).join().unwrap(), 3);
    assert_eq!(go!((Chain(1).add(1)).bump(1)).join().unwrap(), 3);

    // The callee is evaluated now, also when it is itself a call.
    let offset = 1;
    assert_eq!(
        go!(adder({
            assert_eq!(std::thread::current().id(), caller);
            offset
        })(2))
        .join()
        .unwrap(),
        3
    );

    // A closure called in place.
    assert_eq!(go!((|x: i32| x + 1)(5)).join().unwrap(), 6);
    let word = String::from("word");
    assert_eq!(go!((|n: usize| word.len() + n)(5)).join().unwrap(), 9);

    // A closure as an argument stays where it is, and its types are inferred.
    let found = go!(vec![1u8, 2, 3].into_iter().map(|x| x.leading_zeros()).max());
    assert_eq!(found.join().unwrap(), Some(7));
    let mut values = vec![3, 1, 2];
    let sorted = go!((|mut values: Vec<i32>| {
        values.sort_by(|a, b| b.cmp(a));
        values
    })(values.clone()));
    assert_eq!(sorted.join().unwrap(), [3, 2, 1]);
    assert_eq!(go!(values.pop()).join().unwrap(), Some(2));

    // Receivers that cannot be moved out of: a static, and a field behind an Arc.
    go!(COUNT.fetch_add(1, Ordering::SeqCst)).join().unwrap();
    assert_eq!(COUNT.load(Ordering::SeqCst), 1);
    let server = std::sync::Arc::new(Server {
        hits: AtomicUsize::new(0),
        start: |n| n + 1,
    });
    go!(clone(server) => server.hits.fetch_add(2, Ordering::SeqCst))
        .join()
        .unwrap();
    assert_eq!(server.hits.load(Ordering::SeqCst), 2);
    assert_eq!(go!((server.start)(1)).join().unwrap(), 2);

    // An element and its index are read now.
    let starts: [fn(u32) -> u32; 2] = [|n| n, |n| n * 2];
    let handles: Vec<_> = (0..2).map(|i| go!(starts[i](10))).collect();
    let results: Vec<_> = handles
        .into_iter()
        .map(|handle| handle.join().unwrap())
        .collect();
    assert_eq!(results, [10, 20]);
}
