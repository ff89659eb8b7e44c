//! Rule 4: without a buffer, whoever has sent finds what the receiver wrote before it received.

#![deny(warnings)]

use csp::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static ANSWER: AtomicU32 = AtomicU32::new(0);

fn main() {
    let (question, questions) = channel(0);
    go!({
        ANSWER.store(42, Relaxed);
        questions.recv();
    });
    question.send(()).unwrap();
    assert_eq!(ANSWER.load(Relaxed), 42);
}
