//! Goroutines that call an asynchronous library as if it blocked: `hyper`'s HTTP client, whose sockets a tokio reactor
//! on one plain thread looks after. The server is written with `csp::net`, a goroutine for each connection.
//!
//! ```text
//!   goroutine ──spawn(fetch)──▶ tokio, on one thread ──HTTP──▶ server, a goroutine
//!       └──────── block_on(handle): parks until the task has ended
//! ```
//!
//! `cargo run --release --example http_client` prints
//!
//! ```text
//! 16 requests were under way at once
//! the squares of 1 to 16 add up to 1496
//! /nothing: 404 Not Found
//! ```

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::thread;

use csp::net::{TcpListener, TcpStream};
use csp::prelude::*;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::runtime::{self, Handle};

type Failure = Box<dyn Error + Send + Sync>;

const CLIENTS: u32 = 16;

/// Serves every connection in a goroutine. Nobody is answered before `all` have asked.
fn serve(listener: TcpListener, all: WaitGroup) -> io::Result<()> {
    for connection in listener.incoming() {
        let connection = connection?;
        go!(clone(all) => answer(connection, all));
    }
    Ok(())
}

/// Answers one request: `/square/N` with the square of N.
fn answer(mut connection: TcpStream, all: WaitGroup) -> io::Result<()> {
    let mut lines = BufReader::new(&connection).lines();
    let request = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    for line in lines {
        // The head of a request ends with an empty line.
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let number = path.strip_prefix("/square/").map(str::parse::<u32>);
    let (status, body) = match number {
        Some(Ok(n)) => {
            all.done();
            all.wait();
            ("200 OK", (n * n).to_string())
        }
        _ => ("404 Not Found", String::new()),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Fetches a page: asynchronous code, as any library of that kind has it.
async fn fetch(server: SocketAddr, path: String) -> Result<(StatusCode, String), Failure> {
    let stream = tokio::net::TcpStream::connect(server).await?;
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, server.to_string())
        .body(Empty::<Bytes>::new())?;
    let response = client.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec())?))
}

/// The same for a goroutine, which parks meanwhile.
fn get(tokio: &Handle, server: SocketAddr, path: String) -> Result<(StatusCode, String), Failure> {
    csp::block_on(tokio.spawn(fetch(server, path)))?
}

/// Runs tokio's reactor on one thread, until the receiver's channel is closed.
fn react(handle: Sender<Handle>, stop: Receiver<()>) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    handle
        .send(runtime.handle().clone())
        .map_err(io::Error::other)?;
    runtime.block_on(stop.recv_async());
    Ok(())
}

#[csp::main]
fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let all = WaitGroup::new();
    all.add(CLIENTS);
    go!(serve(listener, all));

    let (handle, handles) = channel(1);
    let (stop, stopped) = channel(0);
    let reactor = thread::spawn(move || react(handle, stopped));
    let tokio = handles.recv().ok_or("the reactor has not started")?;

    let (tx, answers) = channel(0);
    for n in 1..=CLIENTS {
        go!(clone(tx, tokio) => { tx.send(get(&tokio, server, format!("/square/{n}"))) });
    }
    drop(tx);
    let mut sum = 0;
    for answer in &answers {
        let (status, body) = answer?;
        assert_eq!(status, StatusCode::OK);
        sum += body.parse::<u32>()?;
    }
    println!("{CLIENTS} requests were under way at once");
    assert_eq!(sum, (1..=CLIENTS).map(|n| n * n).sum());
    println!("the squares of 1 to {CLIENTS} add up to {sum}");
    let (status, _) = get(&tokio, server, "/nothing".to_owned())?;
    println!("/nothing: {status}");

    drop(stop);
    csp::blocking(|| reactor.join()).map_err(|_| "the reactor panicked")??;
    Ok(())
}
