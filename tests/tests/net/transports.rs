//! Sockets of every kind: data goes there and back, whole and in order, from goroutines and plain threads.

use csp::net::{
    Shutdown, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
    lookup_host,
};
use csp_tests::{Peers, SocketPath, everywhere, tcp_pair};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// More than the buffers of a connection hold, so that both ends wait.
const LARGE: usize = 3 << 20;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 % 251) as u8).collect()
}

/// Sends a lot through an echo and reads it back at the same time.
fn echo<S>(peers: Peers, near: S, far: S, shutdown: fn(&S, Shutdown) -> io::Result<()>)
where
    S: Send + Sync + 'static,
    for<'a> &'a S: Read + Write,
{
    let far = peers.spawn(move || {
        let copied = io::copy(&mut &far, &mut &far).expect("an echo");
        shutdown(&far, Shutdown::Write).expect("a half close");
        copied
    });
    let near = Arc::new(near);
    let writer = {
        let near = Arc::clone(&near);
        peers.spawn(move || {
            (&*near).write_all(&pattern(LARGE)).expect("a write");
            shutdown(&near, Shutdown::Write).expect("a half close");
        })
    };
    let mut back = Vec::new();
    (&*near).read_to_end(&mut back).expect("a read");
    assert!(back == pattern(LARGE), "{} bytes came back", back.len());
    writer.join();
    assert_eq!(far.join(), LARGE as u64);
}

#[test]
fn tcp_echoes() {
    everywhere(|peers| {
        let (near, far) = tcp_pair();
        echo(peers, near, far, TcpStream::shutdown);
    });
}

#[test]
fn unix_streams_echo() {
    everywhere(|peers| {
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path).expect("a free path");
        let near = UnixStream::connect(&path).expect("it listens");
        let (far, _) = listener.accept().expect("a connection");
        assert_eq!(near.peer_addr().unwrap().as_pathname(), Some(path.as_ref()));
        echo(peers, near, far, UnixStream::shutdown);
        let (near, far) = UnixStream::pair().expect("a pair");
        echo(peers, near, far, UnixStream::shutdown);
    });
}

#[test]
fn abstract_names_connect() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    everywhere(|_| {
        let name = format!("csp-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name).expect("a name");
        let listener = UnixListener::bind_addr(&address).expect("a free name");
        let mut near = UnixStream::connect_addr(&address).expect("it listens");
        let (mut far, _) = listener.accept().expect("a connection");
        near.write_all(b"x").expect("a write");
        far.read_exact(&mut [0]).expect("a read");
    });
}

#[test]
fn udp_echoes() {
    everywhere(|peers| {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = server.local_addr().unwrap();
        let echo = peers.spawn(move || {
            let mut buf = [0; 64];
            for _ in 0..200 {
                let (len, from) = server.recv_from(&mut buf).expect("a datagram");
                assert_eq!(server.send_to(&buf[..len], from).expect("room"), len);
            }
        });
        let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        client.connect(address).expect("an address");
        assert_eq!(client.peer_addr().unwrap(), address);
        for n in 0..200_u32 {
            client.send(&n.to_le_bytes()).expect("room");
            let mut back = [0; 64];
            assert_eq!(client.peek(&mut back).expect("a datagram"), 4);
            let (len, from) = client.peek_from(&mut back).expect("a datagram");
            assert_eq!((len, from), (4, address));
            assert_eq!(client.recv(&mut back).expect("a datagram"), 4);
            assert_eq!(back[..4], n.to_le_bytes());
        }
        echo.join();
    });
}

#[test]
fn unix_datagrams_echo_and_senders_wait_for_room() {
    everywhere(|peers| {
        let (at, back_at) = (SocketPath::new(), SocketPath::new());
        let server = UnixDatagram::bind(&at).expect("a free path");
        let echo = peers.spawn(move || {
            let mut buf = [0; 64];
            for _ in 0..500 {
                let (len, from) = server.recv_from(&mut buf).expect("a datagram");
                let path = from.as_pathname().expect("it is bound");
                server.send_to(&buf[..len], path).expect("a receiver");
            }
        });
        let client = Arc::new(UnixDatagram::bind(&back_at).expect("a free path"));
        let sender = {
            let (client, at) = (Arc::clone(&client), at.as_ref().to_owned());
            peers.spawn(move || {
                for n in 0..500_u32 {
                    client.send_to(&n.to_le_bytes(), &at).expect("a receiver");
                }
            })
        };
        // Both queues hold about ten: echo and sender wait for room, and nothing is lost.
        for n in 0..500_u32 {
            let mut buf = [0; 64];
            assert_eq!(client.recv(&mut buf).expect("a datagram"), 4);
            assert_eq!(buf[..4], n.to_le_bytes());
        }
        sender.join();
        echo.join();
    });
}

#[test]
fn connected_unix_datagrams_wait_for_room() {
    everywhere(|peers| {
        let (left, right) = UnixDatagram::pair().expect("a pair");
        let sender = peers.spawn(move || {
            for n in 0..1000_u32 {
                left.send(&n.to_le_bytes()).expect("a receiver");
            }
        });
        for n in 0..1000_u32 {
            let mut buf = [0; 8];
            assert_eq!(right.recv(&mut buf).expect("a datagram"), 4);
            assert_eq!(buf[..4], n.to_le_bytes());
        }
        sender.join();
    });
}

#[test]
fn half_a_connection_goes_on_without_the_other() {
    everywhere(|peers| {
        let (mut near, mut far) = tcp_pair();
        near.write_all(b"question").expect("a write");
        near.shutdown(Shutdown::Write).expect("a half close");
        assert!(near.write(b"more").is_err());
        let answer = peers.spawn(move || {
            let mut question = String::new();
            far.read_to_string(&mut question).expect("the end");
            far.write_all(b"answer").expect("the other half is open");
            question
        });
        let mut text = String::new();
        near.read_to_string(&mut text).expect("the end");
        assert_eq!(
            (text.as_str(), answer.join().as_str()),
            ("answer", "question")
        );
    });
}

#[test]
fn shutdown_wakes_a_reader_of_the_same_end() {
    everywhere(|peers| {
        let (near, _far) = tcp_pair();
        let clone = near.try_clone().expect("a clone");
        let reader = peers.spawn(move || (&clone).read(&mut [0; 8]));
        csp_tests::settle();
        near.shutdown(Shutdown::Read).expect("a half close");
        assert_eq!(reader.join().expect("the end of the data"), 0);
    });
}

#[test]
fn peek_leaves_the_data() {
    everywhere(|peers| {
        let (near, mut far) = tcp_pair();
        let writer = peers.spawn(move || {
            csp_tests::settle();
            far.write_all(b"abc").expect("a write");
            far
        });
        let mut buf = [0; 8];
        let first = near.peek(&mut buf).expect("data");
        assert!(first >= 1);
        let mut all = [0; 3];
        (&near).read_exact(&mut all).expect("data");
        assert_eq!(&all, b"abc");
        let far = writer.join();
        drop(far);
        assert_eq!(near.peek(&mut buf).expect("the end"), 0);
    });
}

#[test]
fn several_buffers_go_in_one_call() {
    everywhere(|_| {
        let (mut near, mut far) = tcp_pair();
        let parts = [
            IoSlice::new(b"one"),
            IoSlice::new(b""),
            IoSlice::new(b"two"),
        ];
        assert_eq!(near.write_vectored(&parts).expect("room"), 6);
        let (mut left, mut right) = ([0; 2], [0; 8]);
        let mut parts = [IoSliceMut::new(&mut left), IoSliceMut::new(&mut right)];
        assert_eq!(far.read_vectored(&mut parts).expect("data"), 6);
        assert_eq!((&left, &right[..4]), (b"on", b"etwo".as_slice()));
    });
}

#[test]
fn conversions_keep_the_connection() {
    everywhere(|_| {
        let (near, mut far) = tcp_pair();
        let clone = near.try_clone().expect("a clone");
        let busy = near.into_std().expect_err("there is another handle");
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        let mut near = clone.into_std().expect("the only handle");
        far.write_all(b"x").expect("a write");
        near.read_exact(&mut [0])
            .expect("it blocks, and data is there");
        let mut near = TcpStream::try_from(near).expect("it can be watched again");
        far.write_all(b"y").expect("a write");
        near.read_exact(&mut [0]).expect("data");
    });
}

#[test]
fn options_reach_the_system() {
    everywhere(|_| {
        let (near, far) = tcp_pair();
        near.set_nodelay(true).unwrap();
        assert!(near.nodelay().unwrap() && !far.nodelay().unwrap());
        near.set_ttl(33).unwrap();
        assert_eq!(near.ttl().unwrap(), 33);
        near.set_linger(Some(std::time::Duration::from_secs(1)))
            .unwrap();
        assert_eq!(
            near.linger().unwrap(),
            Some(std::time::Duration::from_secs(1))
        );
        socket2::SockRef::from(&near).set_keepalive(true).unwrap();
        assert!(socket2::SockRef::from(&near).keepalive().unwrap());
        assert!(near.take_error().unwrap().is_none());
        assert!(format!("{near:?}").starts_with("TcpStream"));
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        udp.set_broadcast(true).unwrap();
        assert!(udp.broadcast().unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_ttl(44).unwrap();
        assert_eq!(listener.ttl().unwrap(), 44);
    });
}

#[test]
fn names_are_resolved() {
    everywhere(|_| {
        assert!(
            lookup_host("localhost:1")
                .unwrap()
                .all(|a| a.ip().is_loopback())
        );
        assert!(lookup_host("no port").is_err());
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("localhost", port)).expect("a name connects");
    });
}

/// A read that leaves room in its buffer has emptied the stream, and the next one waits without a call.
#[test]
fn nothing_behind_a_short_read_is_slept_through() {
    everywhere(|peers| {
        for round in 0..200 {
            let (near, far) = tcp_pair();
            let sender = peers.spawn(move || {
                (&far).write_all(b"one").expect("a write");
                if round % 2 == 0 {
                    std::thread::yield_now();
                }
                (&far).write_all(b"two").expect("a write");
                far.shutdown(Shutdown::Write).expect("a half close");
            });
            let (mut text, mut room) = (Vec::new(), [0; 64]);
            loop {
                match (&near).read(&mut room).expect("a read") {
                    0 => break,
                    count => text.extend_from_slice(&room[..count]),
                }
            }
            assert_eq!(text, b"onetwo");
            assert_eq!((&near).read(&mut room).expect("the end stays"), 0);
            sender.join();
        }
    });
}

/// A read stops at urgent data, which is not part of the stream, although more lies behind it.
#[test]
fn what_follows_urgent_data_is_not_slept_through() {
    everywhere(|peers| {
        for _ in 0..50 {
            let (near, far) = tcp_pair();
            let reader = peers.spawn(move || {
                let (mut text, mut room) = (Vec::new(), [0; 64]);
                while text.len() < 12 {
                    let count = (&near).read(&mut room).expect("a read");
                    assert_ne!(count, 0);
                    text.extend_from_slice(&room[..count]);
                }
                assert_eq!(text, b"beforebehind");
            });
            // With one P the reader waits by now, and nobody polls before all is written: one event tells of it.
            csp::yield_now();
            (&far).write_all(b"before").expect("a write");
            socket2::SockRef::from(&far)
                .send_out_of_band(b"!")
                .expect("urgent data");
            (&far).write_all(b"behind").expect("a write");
            reader.join();
        }
    });
}

/// The first read empties the stream; what comes after it is there before the second one is called, whoever has polled.
#[test]
fn what_is_there_is_read_however_short_the_timeout() {
    everywhere(|_| {
        for _ in 0..50 {
            let (near, far) = tcp_pair();
            let mut room = [0; 64];
            (&far).write_all(b"one").expect("a write");
            assert_eq!((&near).read(&mut room).expect("a read"), 3);
            (&far).write_all(b"two").expect("a write");
            near.set_read_timeout(Some(Duration::from_nanos(1)))
                .expect("a timeout");
            assert_eq!((&near).read(&mut room).expect("it is there"), 3);
            let late = (&near).read(&mut room).expect_err("nothing is there");
            assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        }
    });
}
