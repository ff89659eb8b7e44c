//! The web crawler of the Tour of Go with real requests: it fetches the pages of a site level by level, each page
//! once, at most four at a time. The site is served over HTTP by the program itself.
//!
//! `cargo run --release --example web_crawler` prints
//!
//! ```text
//! / : 3 links
//!   /cmd/ : not found
//!   /doc/ : 2 links
//!   /pkg/ : 4 links
//!     /pkg/fmt/ : 2 links
//!     /pkg/io/ : 2 links
//!     /pkg/os/ : 3 links
//! 7 pages fetched, no page twice
//! ```

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use csp::net::{TcpListener, TcpStream};
use csp::prelude::*;

/// Links of links of the first page are fetched, and no further ones.
const DEPTH: usize = 2;
/// How many requests may be under way at once.
const PARALLEL: usize = 4;
const PATIENCE: Duration = Duration::from_secs(30);

/// The pages and their links.
const SITE: [(&str, &[&str]); 7] = [
    ("/", &["/pkg/", "/cmd/", "/doc/"]),
    ("/doc/", &["/", "/pkg/"]),
    ("/pkg/", &["/", "/pkg/fmt/", "/pkg/os/", "/pkg/io/"]),
    ("/pkg/fmt/", &["/", "/pkg/"]),
    ("/pkg/os/", &["/", "/pkg/", "/pkg/os/exec/"]),
    ("/pkg/io/", &["/", "/pkg/"]),
    ("/pkg/os/exec/", &["/"]),
];

/// What the server has answered: path, times.
type Log = Arc<Mutex<HashMap<String, u32>>>;

fn serve(listener: TcpListener, log: Log) -> io::Result<()> {
    for connection in listener.incoming() {
        let connection = connection?;
        go!(clone(log) => answer(connection, log));
    }
    Ok(())
}

/// Answers one request.
fn answer(mut connection: TcpStream, log: Log) -> io::Result<()> {
    let mut lines = BufReader::new(&connection).lines();
    let request = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    // The head of a request ends with an empty line.
    while !lines
        .next()
        .ok_or(io::ErrorKind::UnexpectedEof)??
        .is_empty()
    {}

    let page = SITE.iter().find(|page| page.0 == path);
    *log.lock().unwrap().entry(path).or_default() += 1;
    let (status, links) = match page {
        Some((_, links)) => ("200 OK", *links),
        None => ("404 Not Found", [].as_slice()),
    };
    let body: String = links
        .iter()
        .map(|link| format!("<a href=\"{link}\">{link}</a>\n"))
        .collect();
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// The links of a page, or `None` if there is no such page.
fn fetch(site: SocketAddr, path: &str) -> io::Result<Option<Vec<String>>> {
    let mut connection = TcpStream::connect(site)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    connection.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    match head.split(' ').nth(1) {
        Some("200") => {
            let links = body.split("href=\"").skip(1);
            let links = links.filter_map(|rest| rest.split('"').next());
            Ok(Some(links.map(str::to_owned).collect()))
        }
        Some("404") => Ok(None),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Fetches what can be reached from `/`, prints it, and returns how many pages it asked for.
fn crawl(site: SocketAddr) -> io::Result<usize> {
    // A request holds one of these places while it is under way.
    let (take, give_back) = channel(PARALLEL);
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut level = seen.clone();
    for depth in 0..=DEPTH {
        let (fetched, pages) = channel(0);
        for path in level {
            go!(clone(take, give_back, fetched) => {
                take.send(()).unwrap();
                let links = fetch(site, &path);
                give_back.recv();
                fetched.send((path, links)).unwrap();
            });
        }
        drop(fetched);

        let mut pages: Vec<_> = pages.iter().collect();
        pages.sort_by(|one, other| one.0.cmp(&other.0));
        level = BTreeSet::new();
        for (path, links) in pages {
            let indent = 2 * depth;
            match links? {
                Some(links) => {
                    println!("{:indent$}{path} : {} links", "", links.len());
                    level.extend(links.into_iter().filter(|link| seen.insert(link.clone())));
                }
                None => println!("{:indent$}{path} : not found", ""),
            }
        }
    }
    // What the last level links to was noted, and not fetched.
    Ok(seen.len() - level.len())
}

#[csp::main]
fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let site = listener.local_addr()?;
    let log = Log::default();
    go!(clone(log) => serve(listener, log));

    let count = crawl(site)?;
    let log = log.lock().unwrap();
    assert_eq!((log.len(), count), (7, 7));
    assert!(log.values().all(|&times| times == 1), "{log:?}");
    println!("{count} pages fetched, no page twice");
    Ok(())
}
