//! `http-server`: a task per connection.

use csp_benchmarks::http::{RESPONSE, Requests};
use csp_benchmarks::program::end_with_stdin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("an address is free");
    println!(
        "PORT {}",
        listener.local_addr().expect("it is bound").port()
    );
    end_with_stdin();
    loop {
        let (stream, _) = listener.accept().await.expect("connections are accepted");
        tokio::spawn(serve(stream));
    }
}

async fn serve(mut stream: TcpStream) {
    let mut requests = Requests::new();
    stream.set_nodelay(true).expect("it is a TCP socket");
    // An error, or an end, is the client's way to say that it has enough.
    while let Ok(n) = stream.read(requests.room()).await {
        let Some(whole) = requests.received(n) else {
            return;
        };
        for _ in 0..whole {
            if stream.write_all(RESPONSE).await.is_err() {
                return;
            }
        }
    }
}
