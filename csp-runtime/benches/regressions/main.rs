//! Benchmarks of single operations, to notice when a change makes one of them slower.
//!
//! `cargo bench -p csp-runtime` compares each with the run before; `-- --save-baseline NAME` and `-- --baseline NAME`
//! compare two states of the source; `-- --test` runs each once. How csp stands beside other runtimes is another
//! question, which the workspace's member `benchmarks` answers.
//!
//! criterion runs on a plain thread. What is measured runs in a goroutine, a fresh one per sample, which reads the
//! clock itself: so neither the thread's wait for it nor the goroutine's start is part of a figure. There is one P unless
//! `GOMAXPROCS` says otherwise: with more of them, figures of goroutines that wait for each other vary from run to run
//! with where they happen to be.
//!
//! It is one program, because each is linked with link-time optimisation.

mod channel;
mod mutex;
mod select;
mod spawn;
mod stack;
mod switch;
mod timers;

use std::env;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_main};
use csp::go;

/// Measures `work`, which does as many operations as it is told to.
fn operation(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    work: impl Fn(u64) + Clone + Send + 'static,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|operations| {
            let work = work.clone();
            let timed = go!({
                let start = Instant::now();
                work(operations);
                start.elapsed()
            });
            timed.join().expect("the operation does not panic")
        });
    });
}

fn all() {
    if env::var_os("GOMAXPROCS").is_none() {
        csp::runtime::gomaxprocs(Some(1));
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    switch::measure(&mut criterion);
    spawn::measure(&mut criterion);
    channel::measure(&mut criterion);
    select::measure(&mut criterion);
    mutex::measure(&mut criterion);
    timers::measure(&mut criterion);
    stack::measure(&mut criterion);
    criterion.final_summary();
}

criterion_main!(all);
