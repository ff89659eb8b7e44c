//! Sockets where the scheduler is of no help: plain threads that wait while all Ps are busy, or while nothing has run
//! for long; a process that only a socket can wake.

use csp::net::{TcpListener, TcpStream, UnixStream};
use csp_tests::{LIMIT, Peers, child, run, settle, tcp_pair, with_procs, within};
use std::hint::spin_loop;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// One byte there and back, a hundred times, between two plain threads.
fn ping_pong() {
    let (mut near, mut far) = tcp_pair();
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while far.read(&mut byte).expect("a read") == 1 {
            far.write_all(&byte).expect("a write");
        }
    });
    for n in 0..100 {
        near.write_all(&[n]).expect("a write");
        let mut byte = [0];
        near.read_exact(&mut byte).expect("the echo");
        assert_eq!(byte, [n]);
    }
    drop(near);
    echo.join().expect("the echo ends");
}

#[test]
fn plain_threads_are_served_while_all_ps_are_busy() {
    with_procs(&[1, 2], |procs| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let running = Arc::new(AtomicUsize::new(0));
            let hogs: Vec<_> = (0..procs)
                .map(|_| {
                    let (stop, running) = (Arc::clone(&stop), Arc::clone(&running));
                    csp::go!({
                        running.fetch_add(1, Ordering::Relaxed);
                        while !stop.load(Ordering::Relaxed) {
                            spin_loop();
                        }
                    })
                })
                .collect();
            while running.load(Ordering::Relaxed) < procs {
                thread::yield_now();
            }
            ping_pong();
            stop.store(true, Ordering::Relaxed);
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        });
    });
}

#[test]
fn a_process_without_goroutines_has_sockets() {
    let name = "a_process_without_goroutines_has_sockets";
    child(name, &[], || {
        ping_pong();
        // Whoever watches the scheduler falls asleep meanwhile; what follows holds either way.
        thread::sleep(Duration::from_millis(1300));
        ping_pong();
    })
    .code(0);
}

#[test]
fn threads_and_goroutines_share_one_listener() {
    with_procs(&[1, 2, 4], |_| {
        within(LIMIT, || {
            let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
            let address = listener.local_addr().unwrap();
            let acceptors: Vec<_> = (0..8)
                .map(|n| {
                    let listener = Arc::clone(&listener);
                    Peers::ALL[n % 2].spawn(move || {
                        let (stream, _) = listener.accept().expect("a connection");
                        (&stream).write_all(b"x").expect("a write");
                    })
                })
                .collect();
            settle();
            for n in 0..8 {
                let client = Peers::ALL[n / 2 % 2].spawn(move || {
                    let mut stream = TcpStream::connect(address).expect("it listens");
                    stream.read_exact(&mut [0]).expect("its acceptor");
                });
                client.join();
            }
            acceptors.into_iter().for_each(csp_tests::Peer::join);
        });
    });
}

#[test]
fn a_thread_started_by_a_goroutine_waits_by_itself() {
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let handle = csp::go!({
                let (mut near, mut far) = UnixStream::pair().unwrap();
                let thread = thread::spawn(move || far.read_exact(&mut [0]).map(|()| far));
                settle();
                near.write_all(b"x").unwrap();
                while !thread.is_finished() {
                    csp::yield_now();
                }
                thread.join().unwrap().expect("a byte");
            });
            handle.join().unwrap();
        });
    });
}

#[test]
fn waiting_for_another_process_is_no_deadlock() {
    let output = run(env!("CARGO_BIN_EXE_scenario"), &["socket"], &[]);
    output.code(0).stdout("written");
}
