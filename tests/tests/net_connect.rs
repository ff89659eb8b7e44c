//! Connecting and accepting: refusals, timeouts, full queues, many at once, no descriptor left.

use csp::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use csp_tests::{
    LIMIT, Peers, SocketPath, child, descriptors, everywhere, limit_descriptors, settle,
    with_procs, within,
};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_port_without_a_listener_refuses() {
    everywhere(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let refused = ErrorKind::ConnectionRefused;
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), refused);
        let soon = Duration::from_secs(60);
        let error = TcpStream::connect_timeout(&address, soon).unwrap_err();
        assert_eq!(error.kind(), refused);
        let path = SocketPath::new();
        assert!(UnixStream::connect(&path).is_err());
        // The first address that answers is taken, whatever came before it.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let both = [address, listener.local_addr().unwrap()];
        assert!(TcpStream::connect(&both[..]).is_ok());
        assert!(
            TcpListener::bind("192.0.2.1:0").is_err(),
            "not an address of this machine"
        );
    });
}

#[test]
fn a_listener_that_never_answers_times_out() {
    everywhere(|_| {
        // The queue of a listener with a backlog of none holds one; what comes then is not answered.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let limit = Duration::from_millis(30);
        let mut accepted = Vec::new();
        let error = loop {
            let start = Instant::now();
            match TcpStream::connect_timeout(&address, limit) {
                Ok(stream) => accepted.push(stream),
                Err(error) => {
                    assert!(start.elapsed() >= limit);
                    break error;
                }
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_full_unix_listener_is_waited_for() {
    everywhere(|peers| {
        let path = SocketPath::new();
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener
            .bind(&socket2::SockAddr::unix(&path).unwrap())
            .unwrap();
        listener.listen(1).unwrap();
        let listener = UnixListener::try_from(std::os::unix::net::UnixListener::from(listener));
        let listener = listener.unwrap();
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let path = path.as_ref().to_owned();
                peers.spawn(move || UnixStream::connect(path).map(drop))
            })
            .collect();
        settle();
        for _ in 0..8 {
            listener.accept().expect("a connection");
        }
        for client in clients {
            client.join().expect("room at last");
        }
    });
}

#[test]
fn each_connection_wakes_one_of_many_acceptors() {
    everywhere(|peers| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let acceptors: Vec<_> = (0..10)
            .map(|n: u8| {
                let listener = if n.is_multiple_of(2) {
                    Arc::clone(&listener)
                } else {
                    Arc::new(listener.try_clone().unwrap())
                };
                peers.spawn(move || {
                    let (mut stream, _) = listener.accept().expect("a connection");
                    stream.write_all(&[n]).expect("a write");
                    // Never accepts again: the next connection is another's.
                    stream.read(&mut [0]).expect("the end")
                })
            })
            .collect();
        settle();
        // All at once: one event may stand for several of them.
        let mut streams: Vec<_> = (0..10)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let mut seen = 0_u32;
        for stream in &mut streams {
            let mut n = [0];
            stream.read_exact(&mut n).expect("its acceptor");
            seen |= 1 << n[0];
        }
        assert_eq!(seen, (1 << 10) - 1);
        drop(streams);
        for acceptor in acceptors {
            assert_eq!(acceptor.join(), 0);
        }
    });
}

#[test]
fn each_datagram_reaches_one_of_many_receivers() {
    everywhere(|peers| {
        const RECEIVERS: usize = 6;
        const EACH: usize = 25;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let got = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                let (socket, got) = (socket.try_clone().unwrap(), Arc::clone(&got));
                peers.spawn(move || {
                    let mut buf = [0; 8];
                    for _ in 0..EACH {
                        let (len, _) = socket.recv_from(&mut buf).expect("a datagram");
                        assert_eq!(len, 8);
                        got.fetch_add(usize::from(buf[0]), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        settle();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..RECEIVERS * EACH {
            sender.send_to(&[1; 8], address).expect("room");
        }
        receivers.into_iter().for_each(csp_tests::Peer::join);
        assert_eq!(got.load(Ordering::Relaxed), RECEIVERS * EACH);
    });
}

#[test]
fn without_descriptors_accepting_fails_and_loses_nothing() {
    let name = "without_descriptors_accepting_fails_and_loses_nothing";
    child(name, &[], || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = csp::go!({
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(b"x").unwrap();
            client
        });
        let client = client.join().unwrap();
        limit_descriptors(descriptors() as u64 + 10);
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        for _ in 0..3 {
            let error = listener.accept().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        }
        drop(hoard);
        let (mut stream, from) = listener.accept().expect("it is still in the queue");
        assert_eq!(from, client.local_addr().unwrap());
        stream.read_exact(&mut [0]).expect("data");
    })
    .code(0);
}

#[test]
fn thousands_of_idle_connections_wait_and_end() {
    limit_descriptors(8000);
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            Peers::Goroutines
                .spawn(|| {
                    let pairs: Vec<_> = (0..3000).map(|_| UnixStream::pair().unwrap()).collect();
                    let (near, mut far): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
                    let readers: Vec<_> = near
                        .into_iter()
                        .map(|mut near| {
                            csp::go!({
                                let mut text = String::new();
                                near.read_to_string(&mut text).unwrap();
                                text
                            })
                        })
                        .collect();
                    for (n, far) in far.iter_mut().enumerate().rev() {
                        write!(far, "{n}").unwrap();
                    }
                    drop(far);
                    for (n, reader) in readers.into_iter().enumerate() {
                        assert_eq!(reader.join().unwrap(), n.to_string());
                    }
                })
                .join();
        });
    });
}
