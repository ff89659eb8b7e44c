//! A server that Ctrl-C stops without cutting anybody off: it takes no new connections, finishes the answers it has
//! begun, and only then ends.
//!
//! ```text
//!   accept ──go!──▶ respond, respond, …  (counted by a WaitGroup)
//!     ▲                    ▲
//!   close ◀── Ctrl-C ──▶ wait, but not for ever
//! ```
//!
//! `cargo run --release --example graceful_shutdown` starts itself as a server, interrupts it in the middle of five
//! answers, and prints
//!
//! ```text
//! server: interrupted, no more connections
//! server: all answers given
//! 5 clients got all 10 parts, the next one was refused
//! ```
//!
//! With `-- server 127.0.0.1:8000` it serves until Ctrl-C: `curl -N http://127.0.0.1:8000/`.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use csp::net::{TcpListener, TcpStream};
use csp::prelude::*;

const CLIENTS: usize = 5;
const PARTS: usize = 10;
/// Time between two parts of an answer.
const PAUSE: Duration = Duration::from_millis(60);
/// How long the last answers may take.
const GRACE: Duration = Duration::from_secs(20);

/// Answers every request in a goroutine of its own, until the listener is closed.
fn accept(listener: TcpListener, requests: WaitGroup) -> io::Result<()> {
    for connection in listener.incoming() {
        let connection = connection?;
        go!(in requests => respond(connection));
    }
    Ok(())
}

/// Answers one request, part by part.
fn respond(mut connection: TcpStream) -> io::Result<()> {
    let request = BufReader::new(&connection).lines();
    // The head of a request ends with an empty line.
    for line in request {
        if line?.is_empty() {
            break;
        }
    }
    write!(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
    for part in 1..=PARTS {
        writeln!(connection, "part {part} of {PARTS}")?;
        csp::time::sleep(PAUSE);
    }
    Ok(())
}

fn serve(address: &str) -> io::Result<()> {
    let (stop, stopped) = channel::<()>(0);
    ctrlc::set_handler(move || stop.close()).expect("no other handler is set");
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);

    let requests = WaitGroup::new();
    let (failed, failure) = channel(1);
    let acceptor = listener.try_clone()?;
    go!(clone(requests) => { failed.send(accept(acceptor, requests)) });
    select! {
        <-stopped => {}
        Some(result) = <-failure => return result,
    }

    // The acceptor's call fails at this, and it lets go of its handle; then there is no listener any more.
    listener.close()?;
    failure.recv();
    drop(listener);
    println!("server: interrupted, no more connections");

    let (done, finished) = channel::<()>(0);
    go!({
        requests.wait();
        done.close();
    });
    select! {
        <-finished => println!("server: all answers given"),
        <-after(GRACE) => return Err(io::ErrorKind::TimedOut.into()),
    }
    Ok(())
}

/// The server as a child process, which does not outlive this one.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// Sends a request, reports the first part of the answer to `begun`, and returns how many parts came.
fn request(server: SocketAddr, begun: Sender<()>) -> io::Result<usize> {
    let mut connection = TcpStream::connect(server)?;
    connection.set_read_timeout(Some(GRACE))?;
    write!(connection, "GET / HTTP/1.1\r\nHost: {server}\r\n\r\n")?;
    let mut parts = 0;
    for line in BufReader::new(connection).lines() {
        if line?.starts_with("part ") {
            parts += 1;
            if parts == 1 {
                begun.send(()).expect("main waits for it");
            }
        }
    }
    Ok(parts)
}

fn demo() -> io::Result<()> {
    let mut command = Command::new(env::current_exe()?);
    let command = command
        .args(["server", "127.0.0.1:0"])
        .stdout(Stdio::piped());
    let mut server = Server(command.spawn()?);
    let mut output = BufReader::new(server.0.stdout.take().expect("it is piped")).lines();
    let address = output.next().expect("the server prints its address")?;
    let address: SocketAddr = address.parse().expect("an address");

    let (begun, begins) = channel(0);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| go!(request(address, begun.clone())))
        .collect();
    drop(begun);
    assert_eq!(begins.iter().take(CLIENTS).count(), CLIENTS);
    let interrupt = format!("kill -INT {}", server.0.id());
    assert!(
        Command::new("sh")
            .args(["-c", &interrupt])
            .status()?
            .success()
    );

    // The server prints this line after it has closed its listener.
    println!(
        "{}",
        output
            .next()
            .expect("the server says that it was interrupted")?
    );
    let refused = TcpStream::connect(address).map(drop).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    for client in clients {
        assert_eq!(client.join().expect("it does not panic")?, PARTS);
    }
    println!(
        "{}",
        output.next().expect("the server says that it is done")?
    );
    assert!(csp::blocking(|| server.0.wait())?.success());
    println!("{CLIENTS} clients got all {PARTS} parts, the next one was refused");
    Ok(())
}

#[csp::main]
fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (None, _) => demo(),
        (Some("server"), Some(address)) => serve(&address),
        _ => Err(io::Error::other(
            "usage: graceful_shutdown [server ADDRESS]",
        )),
    }
}
