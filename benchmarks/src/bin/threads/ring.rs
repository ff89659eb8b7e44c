//! `ring`: a token goes round threads with unbuffered channels between them. A tenth of the hops.

use std::time::Instant;
use std::{mem, thread};

use crossbeam_channel::{bounded, never};
use csp_benchmarks::{RING_HOPS, RING_TASKS, THREADS_LESS, WARM_UP, report};

const HOPS: usize = RING_HOPS / THREADS_LESS;

pub(crate) fn run() {
    pass(HOPS / WARM_UP);
    let start = Instant::now();
    pass(HOPS);
    report::per_op(start, HOPS);
}

fn pass(hops: usize) {
    let (finish, finished) = bounded::<()>(0);
    let (first, mut input) = bounded::<usize>(0);
    for i in 0..RING_TASKS {
        let last = i == RING_TASKS - 1;
        let (out, next) = if last {
            (first.clone(), never())
        } else {
            bounded(0)
        };
        let tokens = mem::replace(&mut input, next);
        let finish = finish.clone();
        thread::spawn(move || {
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
