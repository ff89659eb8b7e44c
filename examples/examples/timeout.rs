//! Waits for an answer, but no longer than a given time: `after` is a channel like any other.
//!
//! `cargo run --release --example timeout` prints
//!
//! ```text
//! prompt: answered 42
//! silent: timed out
//! ```

use csp::prelude::*;

/// What comes over `answers` within `limit`.
fn wait(answers: &Receiver<u32>, limit: Duration) -> Option<u32> {
    select! {
        answer = <-answers => answer,
        <-after(limit) => None,
    }
}

#[csp::main]
fn main() {
    let (tx, prompt) = channel(0);
    go!(tx.send(42).unwrap());
    let answer = wait(&prompt, Duration::from_secs(30)).expect("the answer comes at once");
    println!("prompt: answered {answer}");

    // The sender is kept but never used: without the limit this would wait for ever.
    let (_kept, silent) = channel(0);
    assert_eq!(wait(&silent, Duration::from_millis(20)), None);
    println!("silent: timed out");
}
