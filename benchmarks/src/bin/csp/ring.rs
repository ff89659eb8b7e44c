//! `ring`: a token goes round goroutines with unbuffered channels between them.

use std::mem;
use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{RING_HOPS, RING_TASKS, WARM_UP, report};

pub(crate) fn run() {
    pass(RING_HOPS / WARM_UP);
    let start = Instant::now();
    pass(RING_HOPS);
    report::per_op(start, RING_HOPS);
}

fn pass(hops: usize) {
    let (finish, finished) = channel::<()>(0);
    let (first, mut input) = channel::<usize>(0);
    for i in 0..RING_TASKS {
        let last = i == RING_TASKS - 1;
        let (out, next) = if last {
            (first.clone(), never())
        } else {
            channel(0)
        };
        let tokens = mem::replace(&mut input, next);
        go!(clone(finish) => {
            for token in &tokens {
                if token == 0 {
                    finish.send(()).unwrap();
                    break;
                }
                // The one after it is gone once the token has been round for the last time.
                if out.send(token - 1).is_err() {
                    break;
                }
            }
        });
    }
    first.send(hops).unwrap();
    finished.recv().unwrap();
}
