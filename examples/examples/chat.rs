//! A chat server in Go's manner: one goroutine alone knows who is there and passes messages on; each client has one
//! goroutine that reads and one that writes. They share nothing but channels.
//!
//! ```text
//!   reader ──┐ entering, messages, leaving      ┌──▶ writer ──▶ client
//!   reader ──┼─────────▶ broadcaster ───────────┼──▶ writer ──▶ client
//!   reader ──┘                                  └──▶ writer ──▶ client
//! ```
//!
//! `cargo run --release --example chat` lets three clients talk over loopback and prints what the first one saw:
//!
//! ```text
//! ann has arrived
//! bob has arrived
//! ann: hello, bob
//! bob: hello, ann
//! eve has arrived
//! (60 lines from three who talk at once, each one's in order)
//! bob has left
//! ```
//!
//! With `-- server 127.0.0.1:8000` it serves others: `nc 127.0.0.1 8000`, and the first line is one's name.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;

use csp::net::{TcpListener, TcpStream};
use csp::prelude::*;

/// How many lines may wait for a slow client; it misses those that come beyond them.
const BACKLOG: usize = 256;
const LINES: usize = 20;

/// The broadcaster's three doors.
#[derive(Clone)]
struct Room {
    entering: Sender<(u64, Sender<String>)>,
    leaving: Sender<u64>,
    messages: Sender<String>,
}

fn open_room() -> Room {
    let (entering, arrivals) = channel::<(u64, Sender<String>)>(0);
    let (leaving, departures) = channel(0);
    let (messages, incoming) = channel::<String>(0);
    go!(name("broadcaster") => {
        let mut clients = HashMap::new();
        loop {
            select! {
                Some((id, lines)) = <-arrivals => { clients.insert(id, lines); }
                Some(id) = <-departures => { clients.remove(&id); }
                Some(message) = <-incoming => for lines in clients.values() {
                    // One who does not read must not hold up the rest.
                    let _ = lines.try_send(message.clone());
                },
                else => return,
            }
        }
    });
    Room {
        entering,
        leaving,
        messages,
    }
}

/// Serves one client: the first line is its name, each further one a message.
fn serve_client(connection: TcpStream, room: Room) -> io::Result<()> {
    let id = csp::runtime::goid();
    let mut writer = connection.try_clone()?;
    let mut lines = BufReader::new(connection).lines();
    let Some(name) = lines.next().transpose()? else {
        return Ok(());
    };

    let (out, outgoing) = channel::<String>(BACKLOG);
    go!({
        // Ends when the broadcaster lets go of `out`, or the client of the connection.
        outgoing
            .iter()
            .all(|line| writeln!(writer, "{line}").is_ok())
    });
    let closed = "the room stays open";
    room.entering.send((id, out)).expect(closed);
    room.messages
        .send(format!("{name} has arrived"))
        .expect(closed);
    for line in lines.map_while(Result::ok) {
        room.messages.send(format!("{name}: {line}")).expect(closed);
    }
    room.leaving.send(id).expect(closed);
    room.messages
        .send(format!("{name} has left"))
        .expect(closed);
    Ok(())
}

fn serve(listener: TcpListener) -> io::Result<()> {
    let room = open_room();
    for connection in listener.incoming() {
        let connection = connection?;
        go!(clone(room) => serve_client(connection, room));
    }
    Ok(())
}

/// One who takes part in the scripted conversation.
struct Client {
    name: &'static str,
    server: BufReader<TcpStream>,
}

impl Client {
    /// Connects, gives its name and waits until it is in the room.
    fn enter(server: SocketAddr, name: &'static str) -> io::Result<Client> {
        let server = TcpStream::connect(server)?;
        server.set_read_timeout(Some(Duration::from_secs(30)))?;
        let server = BufReader::new(server);
        let mut client = Client { name, server };
        client.say(name)?;
        assert_eq!(client.hear()?, format!("{name} has arrived"));
        Ok(client)
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.server
            .get_mut()
            .write_all(format!("{line}\n").as_bytes())
    }

    fn hear(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.server.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Says `LINES` lines while the others do the same, and hears all of everybody.
    fn talk(mut self, names: [&str; 3]) -> io::Result<Client> {
        (0..LINES).try_for_each(|number| self.say(&number.to_string()))?;
        let mut next = HashMap::from(names.map(|name| (name.to_owned(), 0)));
        for _ in 0..names.len() * LINES {
            let line = self.hear()?;
            let (name, number) = line.split_once(": ").expect("somebody said something");
            let next = next.get_mut(name).expect("somebody known said it");
            assert_eq!(number, next.to_string(), "{} heard {line}", self.name);
            *next += 1;
        }
        Ok(self)
    }
}

fn demo() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    go!(serve(listener));

    let mut ann = Client::enter(server, "ann")?;
    println!("ann has arrived");
    let mut bob = Client::enter(server, "bob")?;
    println!("{}", ann.hear()?);
    ann.say("hello, bob")?;
    assert_eq!(bob.hear()?, "ann: hello, bob");
    bob.say("hello, ann")?;
    assert_eq!(bob.hear()?, "bob: hello, ann");
    println!("{}\n{}", ann.hear()?, ann.hear()?);
    let eve = Client::enter(server, "eve")?;
    println!("{}", ann.hear()?);
    assert_eq!(bob.hear()?, "eve has arrived");

    let names = ["ann", "bob", "eve"];
    let (ann, bob, eve) = join!(ann.talk(names), bob.talk(names), eve.talk(names));
    let (mut ann, bob, mut eve) = (ann?, bob?, eve?);
    println!(
        "({} lines from three who talk at once, each one's in order)",
        3 * LINES
    );
    drop(bob);
    assert_eq!(eve.hear()?, "bob has left");
    println!("{}", ann.hear()?);
    Ok(())
}

#[csp::main]
fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (None, _) => demo(),
        (Some("server"), Some(address)) => serve(TcpListener::bind(address)?),
        _ => Err(io::Error::other("usage: chat [server ADDRESS]")),
    }
}
