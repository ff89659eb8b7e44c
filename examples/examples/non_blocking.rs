//! With `default`, `select!` sends or receives only if that can be done at once.
//!
//! `cargo run --release --example non_blocking` prints
//!
//! ```text
//! no message
//! sent hi
//! no room for ho
//! received hi
//! closed
//! ```

use csp::prelude::*;

fn receive(messages: &Receiver<&str>) {
    select! {
        message = <-messages => match message {
            Some(message) => println!("received {message}"),
            None => println!("closed"),
        },
        default => println!("no message"),
    }
}

fn send(messages: &Sender<&'static str>, message: &'static str) {
    select! {
        messages <- message => println!("sent {message}"),
        default => println!("no room for {message}"),
    }
}

#[csp::main]
fn main() {
    let (tx, rx) = channel(1);
    receive(&rx);
    send(&tx, "hi");
    send(&tx, "ho");
    receive(&rx);
    tx.close();
    receive(&rx);
}
