//! Lets so many requests through in a time: evenly, one at each tick; or in bursts, with a buffered channel as a bucket
//! of tokens that a `Ticker` fills.
//!
//! `cargo run --release --example rate_limiter` prints
//!
//! ```text
//! steady: 5 requests in order, one a tick
//! bucket: 3 allowed at once, the next 2 refused
//! bursts: 8 requests in order, all but the first 3 have waited for a tick each
//! ```

use std::time::Instant;

use csp::prelude::*;
use csp::time::Ticker;

const PERIOD: Duration = Duration::from_millis(10);
const BURST: u32 = 3;

/// A bucket that is full at first, and gets a token in each period unless it is full.
struct Limiter {
    tokens: Receiver<()>,
    /// Closed when the limiter is dropped, which ends the goroutine that fills the bucket.
    _stop: Sender<()>,
}

impl Limiter {
    fn new(period: Duration, burst: u32) -> Self {
        let (bucket, tokens) = channel(burst as usize);
        while bucket.try_send(()).is_ok() {}
        let (stop, stopped) = channel::<()>(0);
        let ticker = Ticker::new(period);
        go!({
            loop {
                select! {
                    // What does not fit is lost: nobody may save up more than a burst.
                    <-ticker => drop(bucket.try_send(())),
                    <-stopped => return,
                }
            }
        });
        Limiter {
            tokens,
            _stop: stop,
        }
    }

    /// Waits for a token.
    fn wait(&self) {
        self.tokens.recv();
    }

    /// Takes a token if there is one.
    fn allow(&self) -> bool {
        self.tokens.try_recv().is_ok()
    }
}

/// The numbers from 1 to `count`, as requests that are all there already.
fn requests(count: u32) -> Receiver<u32> {
    let (queue, requests) = channel(count as usize);
    for number in 1..=count {
        queue.send(number).expect("there is room for all");
    }
    requests
}

fn steady() {
    let start = Instant::now();
    let ticker = Ticker::new(PERIOD);
    let mut served = Vec::new();
    for request in &requests(5) {
        ticker.recv();
        served.push(request);
        // Never early: how late it is depends on what else the machine does.
        assert!(start.elapsed() >= request * PERIOD);
    }
    assert_eq!(served, [1, 2, 3, 4, 5]);
    println!("steady: {} requests in order, one a tick", served.len());
}

fn bucket() {
    // An hour: within this program no token comes back.
    let limiter = Limiter::new(Duration::from_secs(3600), BURST);
    let allowed: Vec<bool> = (0..5).map(|_| limiter.allow()).collect();
    assert_eq!(allowed, [true, true, true, false, false]);
    println!("bucket: {BURST} allowed at once, the next 2 refused");
}

fn bursts() {
    let start = Instant::now();
    let limiter = Limiter::new(PERIOD, BURST);
    let mut served = Vec::new();
    for request in &requests(8) {
        limiter.wait();
        served.push(request);
        // The first ones find the bucket full.
        assert!(start.elapsed() >= request.saturating_sub(BURST) * PERIOD);
    }
    assert!(served.iter().copied().eq(1..=8), "{served:?}");
    println!(
        "bursts: {} requests in order, all but the first {BURST} have waited for a tick each",
        served.len()
    );
}

#[csp::main]
fn main() {
    steady();
    bucket();
    bursts();
}
