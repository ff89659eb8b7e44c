//! Timeouts and deadlines: they end waits, never early, also when they change while somebody waits.

use csp::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use csp_tests::{everywhere, settle, tcp_pair};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test may take: to wait for it is to fail.
const LONG: Duration = Duration::from_secs(3600);

/// The call fails with `TimedOut`, and not before `SHORT` is over.
#[track_caller]
fn times_out<T>(call: impl FnOnce() -> io::Result<T>) {
    let start = Instant::now();
    let kind = call().err().expect("a timeout").kind();
    assert_eq!(kind, ErrorKind::TimedOut);
    assert!(start.elapsed() >= SHORT, "early: {:?}", start.elapsed());
}

/// Writes until nothing goes any more.
fn fill(mut stream: &TcpStream) -> io::Error {
    let block = vec![0; 1 << 16];
    loop {
        if let Err(error) = stream.write(&block) {
            return error;
        }
    }
}

#[test]
fn a_call_that_reads_times_out() {
    everywhere(|_| {
        let (near, _far) = tcp_pair();
        near.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(near.read_timeout().unwrap(), Some(SHORT));
        assert_eq!(near.write_timeout().unwrap(), None);
        times_out(|| (&near).read(&mut [0]));
        times_out(|| near.peek(&mut [0]));
        let (left, _right) = UnixStream::pair().unwrap();
        left.set_read_timeout(Some(SHORT)).unwrap();
        times_out(|| (&left).read(&mut [0]));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(SHORT)).unwrap();
        times_out(|| udp.recv_from(&mut [0]));
        times_out(|| udp.recv_from(&mut [0]));
        let (left, _right) = UnixDatagram::pair().unwrap();
        left.set_read_timeout(Some(SHORT)).unwrap();
        times_out(|| left.recv(&mut [0]));
    });
}

#[test]
fn a_call_that_writes_times_out() {
    everywhere(|_| {
        let (near, _far) = tcp_pair();
        near.set_write_timeout(Some(SHORT)).unwrap();
        assert_eq!(fill(&near).kind(), ErrorKind::TimedOut);
        // The system may have moved some of it to the other end meanwhile: again until nothing goes.
        assert_eq!(fill(&near).kind(), ErrorKind::TimedOut);
        let (left, _right) = UnixDatagram::pair().unwrap();
        left.set_write_timeout(Some(SHORT)).unwrap();
        while left.send(b"x").is_ok() {}
        times_out(|| left.send(b"x"));
    });
}

#[test]
fn a_blind_send_times_out() {
    everywhere(|_| {
        let path = csp_tests::SocketPath::new();
        let _full = UnixDatagram::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_write_timeout(Some(SHORT)).unwrap();
        while sender.send_to(b"x", &path).is_ok() {}
        times_out(|| sender.send_to(b"x", &path));
    });
}

#[test]
fn accepting_times_out() {
    everywhere(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let soon = Instant::now() + SHORT;
        listener.set_deadline(Some(soon)).unwrap();
        let error = listener.accept().expect_err("a timeout");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(Instant::now() >= soon);
        listener.set_deadline(None).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.accept().expect("no deadline any more");
    });
}

#[test]
fn a_timeout_of_zero_is_an_error() {
    let (near, _far) = tcp_pair();
    let error = near.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let address = "127.0.0.1:1".parse().unwrap();
    let error = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_timeout_too_long_for_the_clock_is_none() {
    everywhere(|peers| {
        let (near, mut far) = tcp_pair();
        near.set_read_timeout(Some(Duration::MAX)).unwrap();
        let reader = peers.spawn(move || (&near).read(&mut [0]));
        settle();
        far.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn a_past_deadline_fails_at_once_even_with_data() {
    everywhere(|_| {
        let (near, mut far) = tcp_pair();
        far.write_all(b"x").unwrap();
        near.peek(&mut [0]).expect("data");
        near.set_read_deadline(Some(Instant::now())).unwrap();
        let kind = (&near).read(&mut [0]).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::TimedOut);
        (&near)
            .write_all(b"x")
            .expect("the other direction has none");
        near.set_read_deadline(None).unwrap();
        assert_eq!((&near).read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_deadline_holds_for_many_calls() {
    everywhere(|peers| {
        let (near, far) = tcp_pair();
        let writer = peers.spawn(move || while (&far).write(b"x").is_ok() {});
        near.set_deadline(Some(Instant::now() + 4 * SHORT)).unwrap();
        let kind = loop {
            if let Err(error) = (&near).read(&mut [0; 64]) {
                break error.kind();
            }
        };
        assert_eq!(kind, ErrorKind::TimedOut);
        near.close().unwrap();
        writer.join();
    });
}

#[test]
fn a_deadline_set_now_ends_a_wait_without_one() {
    everywhere(|peers| {
        let (near, _far) = tcp_pair();
        let clone = near.try_clone().unwrap();
        let reader = peers.spawn(move || (&clone).read(&mut [0]));
        settle();
        near.set_read_deadline(Some(Instant::now())).unwrap();
        assert_eq!(reader.join().unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn an_earlier_deadline_overtakes_a_later_one() {
    everywhere(|peers| {
        let (near, _far) = tcp_pair();
        near.set_read_deadline(Some(Instant::now() + LONG)).unwrap();
        let clone = near.try_clone().unwrap();
        let reader = peers.spawn(move || (&clone).read(&mut [0]));
        settle();
        let soon = Instant::now() + SHORT;
        near.set_read_deadline(Some(soon)).unwrap();
        assert_eq!(reader.join().unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(Instant::now() >= soon);
    });
}

#[test]
fn a_deadline_taken_away_lets_a_waiter_wait_on() {
    everywhere(|peers| {
        let (near, mut far) = tcp_pair();
        for _ in 0..20 {
            let soon = Instant::now() + SHORT;
            near.set_read_deadline(Some(soon)).unwrap();
            let clone = near.try_clone().unwrap();
            let reader = peers.spawn(move || (&clone).read(&mut [0]));
            settle();
            near.set_read_deadline(None).unwrap();
            if Instant::now() >= soon {
                // Too slow to say anything.
                far.write_all(b"x").unwrap();
                let _ = reader.join();
                continue;
            }
            while Instant::now() < soon {
                settle();
            }
            far.write_all(b"x").unwrap();
            assert_eq!(reader.join().unwrap(), 1);
        }
    });
}

#[test]
fn changing_deadlines_lose_no_data_and_no_waiter() {
    everywhere(|peers| {
        let (near, mut far) = tcp_pair();
        let near = Arc::new(near);
        let reader = {
            let near = Arc::clone(&near);
            peers.spawn(move || {
                let (mut sum, mut buf) = (0, [0; 16]);
                loop {
                    match (&*near).read(&mut buf) {
                        Ok(0) => return sum,
                        Ok(len) => sum += len,
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::TimedOut);
                            csp::yield_now();
                        }
                    }
                }
            })
        };
        for n in 0..150_u32 {
            let offset = Duration::from_micros(u64::from(n % 7) * 50);
            near.set_read_deadline(Some(Instant::now() + offset))
                .unwrap();
            if n.is_multiple_of(3) {
                far.write_all(b"abc").unwrap();
            }
            csp::yield_now();
        }
        near.set_read_deadline(None).unwrap();
        drop(far);
        assert_eq!(reader.join(), 3 * 50);
    });
}
