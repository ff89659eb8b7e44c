//! Sockets stand where those of the standard library stood: conversions, iteration, unwind safety.

use csp::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6,
    TcpListener, TcpStream, ToSocketAddrs, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use csp_tests::{LIMIT, SocketPath, descriptors, everywhere, tcp_pair, with_procs, within};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net as unix;
use std::panic::{self, RefUnwindSafe, UnwindSafe};
use std::time::Instant;

fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

#[test]
fn sockets_are_unwind_safe() {
    is_unwind_safe::<TcpListener>();
    is_unwind_safe::<TcpStream>();
    is_unwind_safe::<UdpSocket>();
    is_unwind_safe::<UnixDatagram>();
    is_unwind_safe::<UnixListener>();
    is_unwind_safe::<UnixStream>();
    is_unwind_safe::<csp::net::Incoming<'_>>();
    is_unwind_safe::<csp::net::UnixIncoming<'_>>();
}

#[test]
fn a_socket_is_whole_after_a_panic() {
    everywhere(|_| {
        let (near, mut far) = tcp_pair();
        let caught = panic::catch_unwind(|| {
            (&near).write_all(b"x").expect("a write");
            // Not by the hook: the test's output stays clean.
            panic::resume_unwind(Box::new("after the write"));
        });
        assert!(caught.is_err());
        (&near).write_all(b"y").expect("it still writes");
        let mut both = [0; 2];
        far.read_exact(&mut both).expect("data");
        assert_eq!(&both, b"xy");
    });
}

#[test]
fn addresses_are_those_of_std() {
    let v4: Result<SocketAddrV4, AddrParseError> = "127.0.0.1:80".parse();
    assert_eq!(v4, Ok(net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80)));
    let v6: SocketAddrV6 = "[::1]:80".parse().unwrap();
    assert_eq!(SocketAddr::V6(v6).ip(), IpAddr::V6(Ipv6Addr::LOCALHOST));
    assert_eq!(
        v6.to_socket_addrs().unwrap().next(),
        Some(SocketAddr::V6(v6))
    );
}

#[test]
fn a_unix_listener_is_iterated_by_reference() {
    everywhere(|peers| {
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path).expect("a free path");
        let at = path.as_ref().to_owned();
        let clients = peers.spawn(move || {
            for n in 0..3 {
                let mut stream = UnixStream::connect(&at).expect("it listens");
                stream.write_all(&[n]).expect("a write");
            }
        });
        let mut seen = Vec::new();
        for stream in &listener {
            let mut stream = stream.expect("a connection");
            stream.read_to_end(&mut seen).expect("the end");
            if seen.len() == 3 {
                break;
            }
        }
        clients.join();
        assert_eq!(seen, [0, 1, 2]);
    });
}

/// Through a descriptor and back; the descriptor stays the same one.
fn there_and_back<S>(socket: S) -> S
where
    S: AsRawFd + TryFrom<OwnedFd, Error = io::Error>,
    OwnedFd: TryFrom<S, Error = io::Error>,
{
    let number = socket.as_raw_fd();
    let fd = OwnedFd::try_from(socket).expect("the only handle");
    assert_eq!(fd.as_raw_fd(), number);
    let socket = S::try_from(fd).expect("it can be watched again");
    assert_eq!(socket.as_raw_fd(), number);
    socket
}

#[test]
fn streams_live_on_as_descriptors() {
    everywhere(|peers| {
        let (near, far) = tcp_pair();
        let (mut near, mut far) = (there_and_back(near), there_and_back(far));
        let reader = peers.spawn(move || {
            let mut text = String::new();
            near.read_to_string(&mut text).expect("the end");
            text
        });
        csp_tests::settle(); // so that it most often waits
        far.write_all(b"tcp").expect("a write");
        drop(far);
        assert_eq!(reader.join(), "tcp");

        let (near, far) = UnixStream::pair().expect("a pair");
        let (mut near, mut far) = (there_and_back(near), there_and_back(far));
        let reader = peers.spawn(move || {
            let mut text = String::new();
            near.read_to_string(&mut text).expect("the end");
            text
        });
        csp_tests::settle();
        far.write_all(b"unix").expect("a write");
        drop(far);
        assert_eq!(reader.join(), "unix");
    });
}

#[test]
fn listeners_live_on_as_descriptors() {
    everywhere(|peers| {
        let listener = there_and_back(TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let address = listener.local_addr().unwrap();
        let client = peers.spawn(move || TcpStream::connect(address).expect("it listens"));
        listener.accept().expect("a connection");
        drop(client.join());

        let path = SocketPath::new();
        let listener = there_and_back(UnixListener::bind(&path).expect("a free path"));
        let at = path.as_ref().to_owned();
        let client = peers.spawn(move || UnixStream::connect(at).expect("it listens"));
        listener.accept().expect("a connection");
        drop(client.join());
    });
}

#[test]
fn datagram_sockets_live_on_as_descriptors() {
    everywhere(|peers| {
        let server = there_and_back(UdpSocket::bind("127.0.0.1:0").expect("a free port"));
        let address = server.local_addr().unwrap();
        let sender = peers.spawn(move || {
            let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            client.send_to(b"udp", address).expect("room")
        });
        let mut buf = [0; 8];
        assert_eq!(server.recv(&mut buf).expect("a datagram"), sender.join());

        let (left, right) = UnixDatagram::pair().expect("a pair");
        let (left, right) = (there_and_back(left), there_and_back(right));
        let sender = peers.spawn(move || left.send(b"unix").expect("room"));
        assert_eq!(right.recv(&mut buf).expect("a datagram"), sender.join());
    });
}

#[test]
fn sockets_of_std_come_in_as_descriptors() {
    everywhere(|_| {
        let (near, mut far) = unix::UnixStream::pair().expect("a pair");
        let mut near = UnixStream::try_from(OwnedFd::from(near)).expect("it can be watched");
        far.write_all(b"x").expect("a write");
        near.read_exact(&mut [0]).expect("data");

        let listener = net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listener = TcpListener::try_from(OwnedFd::from(listener)).expect("it can be watched");
        TcpStream::connect(listener.local_addr().unwrap()).expect("it listens");
        listener.accept().expect("a connection");
    });
}

#[test]
fn a_descriptor_that_was_given_away_blocks() {
    everywhere(|_| {
        let (near, mut far) = tcp_pair();
        let fd = OwnedFd::try_from(near).expect("the only handle");
        let flags = socket2::SockRef::from(&fd).nonblocking();
        assert!(!flags.expect("the descriptor is open"));
        far.write_all(b"x").expect("a write");
        let mut near = net::TcpStream::from(fd);
        near.read_exact(&mut [0]).expect("data");
    });
}

#[test]
fn a_shared_or_closed_socket_gives_no_descriptor() {
    everywhere(|_| {
        let (near, far) = tcp_pair();
        let clone = near.try_clone().expect("a clone");
        let busy = OwnedFd::try_from(near).expect_err("there is another handle");
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        assert!(OwnedFd::try_from(clone).is_ok(), "the last handle");

        far.close().expect("it is open");
        let closed = OwnedFd::try_from(far).expect_err("it is closed");
        assert_eq!(closed.kind(), io::ErrorKind::NotConnected);
    });
}

#[test]
fn what_cannot_be_watched_is_refused_and_closed() {
    with_procs(&[2], |_| {
        within(LIMIT, || {
            drop(tcp_pair()); // the runtime has its own descriptors by now
            let file = || OwnedFd::from(File::open("Cargo.toml").expect("a file"));
            let before = descriptors();
            let refused = (0..8).filter(|_| TcpStream::try_from(file()).is_err());
            assert_eq!(refused.count(), 8);
            assert!(descriptors() < before + 8);
        });
    });
}

#[test]
fn reading_into_an_empty_buffer_waits_and_ends_as_other_reads_do() {
    everywhere(|peers| {
        let (near, mut far) = tcp_pair();
        let writer = peers.spawn(move || {
            far.write_all(b"x").expect("a write");
            far
        });
        assert_eq!((&near).read(&mut []).expect("data"), 0);
        (&near).read_exact(&mut [0]).expect("the data is left");
        let _far = writer.join();

        near.set_read_deadline(Some(Instant::now())).unwrap();
        let late = (&near).read(&mut []).expect_err("the deadline is past");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        near.close().expect("it is open");
        let closed = (&near).read(&mut []).expect_err("it is closed");
        assert_eq!(closed.kind(), io::ErrorKind::NotConnected);
    });
}
