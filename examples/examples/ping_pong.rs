//! Two players hit a ball to and fro over an unbuffered channel; a send ends when the other side has
//! the ball, so they strictly take turns.
//!
//! `cargo run --release --example ping_pong` prints
//!
//! ```text
//! ping 1
//! pong 2
//! ping 3
//! pong 4
//! ping 5
//! pong 6
//! ```

use csp::prelude::*;

const HITS: u32 = 6;

fn play(name: &str, balls: Receiver<u32>, table: Sender<u32>) {
    for hits in &balls {
        println!("{name} {}", hits + 1);
        if hits + 1 == HITS || table.send(hits + 1).is_err() {
            return;
        }
    }
}

#[csp::main]
fn main() {
    let wg = WaitGroup::new();
    let (to_ping, ping) = channel(0);
    let (to_pong, pong) = channel(0);
    go!(in wg => play("ping", ping, to_pong));
    go!(in wg, clone(to_ping) => play("pong", pong, to_ping));

    to_ping.send(0).unwrap();
    // Only the players hold the table now: when one stops, the other's channel closes.
    drop(to_ping);
    wg.wait();
}
