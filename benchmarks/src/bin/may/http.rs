//! `http-server`: a coroutine per connection.

use std::io::{Read, Write};

use csp_benchmarks::http::{RESPONSE, Requests};
use csp_benchmarks::program::end_with_stdin;
use may::go;
use may::net::{TcpListener, TcpStream};

pub(crate) fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
    println!(
        "PORT {}",
        listener.local_addr().expect("it is bound").port()
    );
    end_with_stdin();
    loop {
        let (stream, _) = listener.accept().expect("connections are accepted");
        go!(move || serve(stream));
    }
}

fn serve(mut stream: TcpStream) {
    let mut requests = Requests::new();
    stream.set_nodelay(true).expect("it is a TCP socket");
    // An error, or an end, is the client's way to say that it has enough.
    while let Ok(n) = stream.read(requests.room()) {
        let Some(whole) = requests.received(n) else {
            return;
        };
        for _ in 0..whole {
            if stream.write_all(RESPONSE).is_err() {
                return;
            }
        }
    }
}
