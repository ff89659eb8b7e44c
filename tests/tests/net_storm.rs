//! A thousand connections whose ends reset, stall and close at random while signals rain on the process.
//!
//! Alone in its file: the handler for the signal must be there before the runtime starts, and the count of
//! descriptors is that of the whole process.
#![expect(unsafe_code, reason = "installs a signal handler and sends signals")]

use csp::net::{TcpListener, TcpStream};
use csp::{Sender, channel};
use csp_tests::{Rng, descriptors, limit_descriptors, until, with_procs, within};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const CONNECTIONS: u64 = 1000;
const ROUNDS: u64 = 100;
const LIMIT: Duration = Duration::from_secs(300);

static SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Without `SA_RESTART`: every blocking call of any thread may be cut short.
fn install() {
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    // SAFETY: the handler does one atomic addition.
    let set = unsafe { libc::sigaction(libc::SIGURG, &raw const action, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

/// Sends signals until told to stop.
fn rain(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: a signal to this process, which handles it.
        assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGURG) }, 0);
        thread::yield_now();
    }
}

/// How a connection ended, and how many bytes of it were echoed whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// All rounds.
    Complete,
    /// The client reset it in the middle.
    Reset,
    /// The client closed its handle in the middle.
    Closed,
}

/// What one side knows of a connection.
struct Account {
    id: u64,
    /// Bytes that went all the way, as this side knows it.
    bytes: u64,
    end: End,
}

/// Echoes until the end; the first eight bytes say which connection it is.
fn serve(stream: TcpStream, accounts: &Sender<Account>) {
    let mut id = [0; 8];
    let mut bytes = 0;
    let (mut reader, mut writer) = (&stream, &stream);
    let mut end = End::Complete;
    if let Err(error) = reader.read_exact(&mut id) {
        panic!("the first bytes are always sent: {error}");
    }
    let mut buf = [0; 512];
    loop {
        let len = match reader.read(&mut buf) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                end = End::Reset;
                break;
            }
        };
        bytes += len as u64;
        if let Err(error) = writer.write_all(&buf[..len]) {
            let kind = error.kind();
            assert!(matches!(
                kind,
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ));
            end = End::Reset;
            break;
        }
    }
    let id = u64::from_le_bytes(id);
    accounts
        .send(Account { id, bytes, end })
        .expect("a receiver");
}

/// One client: rounds of random size, each read back whole and compared.
fn client(id: u64, address: std::net::SocketAddr) -> Account {
    let mut rng = Rng::new(id + 1);
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(&id.to_le_bytes()).expect("a write");
    let mut bytes = 0;
    let fate = rng.below(10);
    let last = rng.below(ROUNDS);
    for round in 0..ROUNDS {
        let len = 1 + rng.below(300) as usize;
        let data: Vec<u8> = (0..len).map(|_| rng.bits() as u8).collect();
        stream.write_all(&data).expect("a write");
        if rng.one_in(40) {
            csp::time::sleep(Duration::from_micros(rng.below(3000)));
        }
        let mut back = vec![0; len];
        stream.read_exact(&mut back).expect("the echo");
        assert!(back == data, "connection {id} got something else back");
        bytes += len as u64;
        if round == last && fate == 0 {
            stream
                .set_linger(Some(Duration::ZERO))
                .expect("an open socket");
            return Account {
                id,
                bytes,
                end: End::Reset,
            };
        }
        if round == last && fate == 1 {
            stream.close().expect("an open socket");
            return Account {
                id,
                bytes,
                end: End::Closed,
            };
        }
    }
    Account {
        id,
        bytes,
        end: End::Complete,
    }
}

fn run(from_threads: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (tx, rx) = channel(CONNECTIONS as usize);
    let server = csp::go!({
        let tx = tx;
        for _ in 0..CONNECTIONS {
            let (stream, _) = listener.accept().expect("a connection");
            csp::go!(clone(tx) => { serve(stream, &tx) });
        }
    });
    let threads: Vec<_> = (0..from_threads)
        .map(|id| thread::spawn(move || client(id, address)))
        .collect();
    let clients: Vec<_> = (from_threads..CONNECTIONS)
        .map(|id| csp::go!(client(id, address)))
        .collect();
    let mut expected: Vec<_> = clients.into_iter().map(|c| c.join().unwrap()).collect();
    expected.extend(threads.into_iter().map(|t| t.join().unwrap()));
    server.join().unwrap();
    let mut got: Vec<_> = rx.iter().collect();
    assert_eq!(got.len() as u64, CONNECTIONS);
    got.sort_by_key(|account| account.id);
    expected.sort_by_key(|account| account.id);
    for (got, expected) in got.iter().zip(&expected) {
        assert_eq!(got.id, expected.id);
        assert_eq!(got.bytes, expected.bytes, "connection {}", got.id);
        let reset = expected.end == End::Reset;
        assert_eq!(got.end == End::Reset, reset, "connection {}", got.id);
    }
    let ends = |end| expected.iter().filter(|account| account.end == end).count();
    assert!(ends(End::Reset) > 0 && ends(End::Closed) > 0 && ends(End::Complete) > 0);
}

#[test]
fn every_byte_is_accounted_for_and_no_descriptor_is_lost() {
    install();
    limit_descriptors(8000);
    // The poller keeps its own descriptors from the first socket on.
    drop(TcpListener::bind("127.0.0.1:0").expect("a free port"));
    with_procs(&[1, 2], |n| {
        within(LIMIT, || {
            let before = descriptors();
            let signals = SIGNALS.load(Ordering::Relaxed);
            let stop = Arc::new(AtomicBool::new(false));
            let storm = {
                let stop = Arc::clone(&stop);
                thread::spawn(move || rain(&stop))
            };
            run(20 * n as u64);
            stop.store(true, Ordering::Relaxed);
            storm.join().unwrap();
            assert!(SIGNALS.load(Ordering::Relaxed) > signals);
            // Goroutines whose results nobody waits for drop their sockets a moment later.
            until(|| descriptors() <= before);
        });
    });
}
