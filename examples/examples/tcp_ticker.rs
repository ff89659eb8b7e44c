//! The TCP server of the Go tutorials, which writes "response from server" to every client each second, and its
//! client: each connection has a goroutine of its own, and its code reads as if it had a thread.
//!
//! `cargo run --release --example tcp_ticker` runs both over loopback, in a hurry, and prints
//!
//! ```text
//! client 1: 5 times "response from server"
//! client 2: 5 times "response from server"
//! client 3: 5 times "response from server"
//! ```
//!
//! With `-- server 127.0.0.1:8000` in one terminal and `-- client 127.0.0.1:8000` in others it goes on until it is
//! stopped.

use std::env;
use std::io::{self, BufRead, BufReader, Write};

use csp::net::{TcpListener, TcpStream};
use csp::prelude::*;

const RESPONSE: &str = "response from server";
const CLIENTS: usize = 3;
const RESPONSES: usize = 5;

/// Serves every client in a goroutine of its own.
fn serve(listener: TcpListener, period: Duration) -> io::Result<()> {
    for connection in listener.incoming() {
        go!(respond(connection?, period));
    }
    Ok(())
}

/// Writes to one client until it has gone.
fn respond(mut connection: TcpStream, period: Duration) {
    for _ in &csp::time::tick(period) {
        if writeln!(connection, "{RESPONSE}").is_err() {
            return;
        }
    }
}

/// Gives every line that the server sends to `line`, until that returns false or the server has gone.
fn listen(server: TcpStream, mut line: impl FnMut(String) -> bool) -> io::Result<()> {
    for received in BufReader::new(server).lines() {
        if !line(received?) {
            break;
        }
    }
    Ok(())
}

/// Both ends in one process: every client hangs up after a few responses.
fn demo() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    go!(serve(listener, Duration::from_millis(20)));

    let (done, clients) = channel(0);
    for number in 1..=CLIENTS {
        let server = TcpStream::connect(address)?;
        go!(clone(done) => {
            let mut count = 0;
            let heard = listen(server, |line| {
                assert_eq!(line, RESPONSE);
                count += 1;
                count < RESPONSES
            });
            done.send((number, heard.map(|()| count))).unwrap();
        });
    }

    let mut heard = Vec::new();
    for _ in 0..CLIENTS {
        select! {
            Some((number, count)) = <-clients => heard.push((number, count?)),
            <-after(Duration::from_secs(30)) => panic!("the server is silent"),
        }
    }
    heard.sort();
    for (number, count) in heard {
        assert_eq!(count, RESPONSES);
        println!("client {number}: {count} times {RESPONSE:?}");
    }
    Ok(())
}

/// Prints what the server at `address` sends.
fn client(address: String) -> io::Result<()> {
    listen(TcpStream::connect(address)?, |line| {
        println!("{line}");
        true
    })
}

#[csp::main]
fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (None, _) => demo(),
        (Some("server"), Some(address)) => {
            serve(TcpListener::bind(address)?, Duration::from_secs(1))
        }
        (Some("client"), Some(address)) => client(address),
        _ => Err(io::Error::other(
            "usage: tcp_ticker [server ADDRESS | client ADDRESS]",
        )),
    }
}
