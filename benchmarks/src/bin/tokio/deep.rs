//! `deep`: a recursion 16 MiB deep in a task, which has the stack of its worker, 2 MiB by default.
//!
//! A doubt: the crate `stacker` would do for this function what an attribute does in csp's program. It is no part of tokio.

use std::time::Instant;

use csp_benchmarks::deep::{FRAMES, descend, finish};

pub(crate) async fn run() {
    let start = Instant::now();
    let sum = tokio::spawn(async { descend(FRAMES) }).await.unwrap();
    finish(start, sum);
}
