//! `http-server`: one thread, one epoll, and for each request one read and one write.
//!
//! Edge-triggered, because the other way looks at every socket once more after it was served, to find it empty; and what
//! was read says that already, where it is less than there was room for. Only at the end of a stream is read on, until
//! nothing comes: no event follows that one.
//!
//! Rejected: io_uring, which none of the peers uses. It would be the floor of another kind of runtime.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use csp_benchmarks::http::{RESPONSE, Requests};
use csp_benchmarks::program::end_with_stdin;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// The most events of one call: more than any row has connections, so that one call tells of all.
const EVENTS: usize = 1024;
const CLOSED: EpollFlags = EpollFlags::EPOLLRDHUP
    .union(EpollFlags::EPOLLHUP)
    .union(EpollFlags::EPOLLERR);

/// A client.
struct Connection {
    stream: TcpStream,
    requests: Requests,
}

pub(crate) fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
    println!(
        "PORT {}",
        listener.local_addr().expect("it is bound").port()
    );
    end_with_stdin();
    let own = index(&listener);
    listener
        .set_nonblocking(true)
        .expect("it can be told not to block");
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("there is epoll");
    watch(&epoll, &listener);
    // By their descriptors, which are small numbers.
    let mut connections: Vec<Option<Box<Connection>>> = Vec::new();
    let mut events = [EpollEvent::empty(); EVENTS];
    loop {
        let count = epoll
            .wait(&mut events, EpollTimeout::NONE)
            .expect("no signal has a handler");
        for event in &events[..count] {
            let at = event.data() as usize;
            if at == own {
                accept(&listener, &epoll, &mut connections);
            } else if let Some(connection) = &mut connections[at]
                && !connection.serve(event.events().intersects(CLOSED))
            {
                // Closing it takes it out of the epoll.
                connections[at] = None;
            }
        }
    }
}

/// Takes all who wait to be let in.
fn accept(listener: &TcpListener, epoll: &Epoll, connections: &mut Vec<Option<Box<Connection>>>) {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("connections are accepted: {error}"),
        };
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream
            .set_nonblocking(true)
            .expect("it can be told not to block");
        watch(epoll, &stream);
        let at = index(&stream);
        if connections.len() <= at {
            connections.resize_with(at + 1, || None);
        }
        let requests = Requests::new();
        connections[at] = Some(Box::new(Connection { stream, requests }));
    }
}

fn watch(epoll: &Epoll, socket: &(impl AsFd + AsRawFd)) {
    let wanted = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
    epoll
        .add(socket, EpollEvent::new(wanted, index(socket) as u64))
        .expect("it is a socket, and watched once");
}

/// Where the connection of a socket is kept.
fn index(socket: &impl AsRawFd) -> usize {
    usize::try_from(socket.as_raw_fd()).expect("an open descriptor is not negative")
}

impl Connection {
    /// Answers what has come, and returns whether the connection stays.
    fn serve(&mut self, closed: bool) -> bool {
        loop {
            let room = self.requests.room();
            let size = room.len();
            let n = match self.stream.read(room) {
                Ok(n) => n,
                // An error is the client's way to say that it has enough.
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            let Some(whole) = self.requests.received(n) else {
                return false;
            };
            for _ in 0..whole {
                // A client that leaves so many answers unread that there is no room for one is none of those here.
                if self.stream.write_all(RESPONSE).is_err() {
                    return false;
                }
            }
            if n < size && !closed {
                return true;
            }
        }
    }
}
