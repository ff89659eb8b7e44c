//! `ring`: a token goes round coroutines, with channels without a limit between them; there is one token.

use std::mem;
use std::time::Instant;

use csp_benchmarks::{RING_HOPS, RING_TASKS, WARM_UP, report};
use may::go;
use may::sync::mpsc::channel;

pub(crate) fn run() {
    pass(RING_HOPS / WARM_UP);
    let start = Instant::now();
    pass(RING_HOPS);
    report::per_op(start, RING_HOPS);
}

fn pass(hops: usize) {
    let (finish, finished) = channel::<()>();
    let (first, mut input) = channel::<usize>();
    for i in 0..RING_TASKS {
        let (mut out, next) = channel();
        if i == RING_TASKS - 1 {
            out = first.clone();
        }
        let tokens = mem::replace(&mut input, next);
        let finish = finish.clone();
        go!(move || {
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
