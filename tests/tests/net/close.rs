//! Closing: whoever waits returns at once, nobody gets another socket's data, no descriptor is lost.

use csp::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use csp_tests::{Peers, SocketPath, descriptors, everywhere, settle, tcp_pair};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[track_caller]
fn is_closed<T>(result: io::Result<T>) {
    let error = result.err().expect("the socket is closed");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert_eq!(error.to_string(), "use of closed network connection");
}

/// Three peers wait in `call` while `close` happens.
fn closing_ends<S: Send + Sync + 'static, T: Send + 'static>(
    peers: Peers,
    socket: S,
    call: fn(&S) -> io::Result<T>,
    close: fn(&S) -> io::Result<()>,
) {
    let socket = Arc::new(socket);
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let socket = Arc::clone(&socket);
            peers.spawn(move || call(&socket))
        })
        .collect();
    settle();
    close(&socket).expect("it was open");
    for waiter in waiters {
        is_closed(waiter.join());
    }
    is_closed(call(&socket));
    is_closed(close(&socket));
}

#[test]
fn reading_ends() {
    everywhere(|peers| {
        let (near, _far) = tcp_pair();
        closing_ends(peers, near, |mut s| s.read(&mut [0]), TcpStream::close);
        let (near, _far) = tcp_pair();
        closing_ends(peers, near, |s| s.peek(&mut [0]), TcpStream::close);
        let (near, _far) = UnixStream::pair().unwrap();
        closing_ends(peers, near, |mut s| s.read(&mut [0]), UnixStream::close);
    });
}

#[test]
fn writing_ends() {
    everywhere(|peers| {
        let (near, _far) = tcp_pair();
        let write = |mut s: &TcpStream| s.write_all(&vec![0; 64 << 20]);
        closing_ends(peers, near, write, TcpStream::close);
        let (near, _far) = UnixDatagram::pair().unwrap();
        let send = |s: &UnixDatagram| -> io::Result<()> {
            loop {
                s.send(b"x")?;
            }
        };
        closing_ends(peers, near, send, UnixDatagram::close);
    });
}

#[test]
fn accepting_ends() {
    everywhere(|peers| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        closing_ends(peers, listener, TcpListener::accept, TcpListener::close);
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        closing_ends(peers, listener, UnixListener::accept, UnixListener::close);
    });
}

#[test]
fn receiving_ends() {
    everywhere(|peers| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        closing_ends(peers, udp, |s| s.recv_from(&mut [0]), UdpSocket::close);
        let path = SocketPath::new();
        let unix = UnixDatagram::bind(&path).unwrap();
        closing_ends(peers, unix, |s| s.recv_from(&mut [0]), UnixDatagram::close);
    });
}

#[test]
fn every_call_says_that_the_socket_is_closed() {
    everywhere(|_| {
        let (near, _far) = tcp_pair();
        near.close().unwrap();
        is_closed(near.local_addr());
        is_closed(near.peer_addr());
        is_closed(near.nodelay());
        is_closed(near.take_error());
        is_closed(near.shutdown(csp::net::Shutdown::Both));
        is_closed(near.set_read_timeout(None));
        is_closed(near.set_deadline(None));
        is_closed((&near).write(b"x"));
        is_closed(near.try_clone().unwrap().into_std());
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        udp.close().unwrap();
        is_closed(udp.send_to(b"x", address));
        is_closed(udp.connect(address));
    });
}

#[test]
fn the_peer_sees_the_end_although_handles_are_left() {
    everywhere(|_| {
        let (near, mut far) = tcp_pair();
        let _clone = near.try_clone().unwrap();
        near.close().unwrap();
        assert_eq!(far.read(&mut [0]).expect("the end"), 0);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.close().unwrap();
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        TcpListener::bind(address).expect("the port is free again");
    });
}

#[test]
fn a_closed_number_is_not_given_away_before_the_last_handle() {
    everywhere(|_| {
        let (near, _far) = tcp_pair();
        let number = near.as_raw_fd();
        let borrowed = near.as_fd();
        near.close().unwrap();
        assert_ne!(tcp_pair().0.as_raw_fd(), number);
        let dead = socket2::SockRef::from(&borrowed);
        assert!(dead.peer_addr().is_err(), "connected to nothing");
    });
}

#[test]
fn close_races_with_calls_and_wins() {
    everywhere(|peers| {
        for _ in 0..200 {
            let (near, far) = UnixStream::pair().unwrap();
            let clone = near.try_clone().unwrap();
            let reader = peers.spawn(move || {
                loop {
                    match (&clone).read(&mut [0; 4]) {
                        Ok(len) => assert_ne!(len, 0, "the peer is open"),
                        Err(error) => break is_closed::<()>(Err(error)),
                    }
                }
            });
            let _ = (&far).write(b"data");
            near.close().unwrap();
            reader.join();
        }
    });
}

/// Sockets of one kind come and go, each with its own number to send, while others wait: whatever arrives
/// is the number of that very pair.
#[test]
fn a_reused_descriptor_carries_nothing_over() {
    everywhere(|peers| {
        let before = descriptors();
        let stop = Arc::new(AtomicBool::new(false));
        let quiet: Vec<_> = (0..4)
            .map(|_| {
                let (near, far) = UnixStream::pair().unwrap();
                let reader = peers.spawn(move || (&near).read(&mut [0; 8]));
                (far, reader)
            })
            .collect();
        let storms: Vec<_> = (0..4_u64)
            .map(|storm| {
                let stop = Arc::clone(&stop);
                peers.spawn(move || {
                    let mut n = storm;
                    while !stop.load(Ordering::Relaxed) {
                        n += 4;
                        one_life(n);
                    }
                    n
                })
            })
            .collect();
        for n in 0..100_u64 {
            one_life(1 << 40 | n);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(storms.into_iter().map(csp_tests::Peer::join).sum::<u64>() > 0);
        for (far, reader) in quiet {
            assert!(!reader.is_finished(), "it has been sent nothing");
            drop(far);
            assert_eq!(reader.join().expect("the end"), 0);
        }
        // The waiting tests of this process come and go too; a leak of a storm would be far larger.
        assert!(descriptors() < before + 100);
    });
}

/// A pair that is made, waited for, and closed or dropped.
fn one_life(n: u64) {
    let (near, far) = UnixStream::pair().unwrap();
    let reader = csp::go!({
        let mut buf = [0; 8];
        let result = (&near).read(&mut buf);
        (result, u64::from_le_bytes(buf), near)
    });
    csp::yield_now();
    if n.is_multiple_of(3) {
        drop(far);
        let (result, _, _) = reader.join().unwrap();
        assert_eq!(result.expect("the end"), 0);
        return;
    }
    (&far).write_all(&n.to_le_bytes()).unwrap();
    let (result, got, near) = reader.join().unwrap();
    assert_eq!((result.expect("data"), got), (8, n));
    if n % 3 == 1 {
        near.close().unwrap();
    }
}
