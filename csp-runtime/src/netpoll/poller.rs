//! The system's side: one `mio::Poll` for the process, polled by one thread at a time.
//!
//! - It is made with the first socket, and never destroyed.
//! - The room for events is allocated once.
//! - Who polls holds `polling`. Others only try it, so nobody ever sleeps at that lock, and to release it
//!   wakes nobody.
//!
//! A deadline is kept to the nanosecond, because idle Ms wait for timers here: whole milliseconds are
//! waited for in `epoll_wait`, what is left in `ppoll` on the epoll descriptor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use socket2::{Domain, Socket, Type};

use super::source::Edge;
use super::{WAKE, slab, syscall};
use crate::primitive::clock::{self, NEVER};
use crate::primitive::sync::{AtomicU64, Ordering};
use crate::stacks::fatal;
use crate::waitlist::{Task, Wakes};

/// The most events of one poll; the rest come with the next.
const EVENTS: usize = 1024;
const MILLISECOND: u64 = 1_000_000;

static POLLER: OnceLock<Poller> = OnceLock::new();
/// When the last poll ended; a hint.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The one poller.
pub(super) struct Poller {
    /// Registers sockets, while another thread polls.
    registry: Registry,
    waker: Waker,
    /// What takes the place of a closed socket: a socket connected to nothing.
    dead: OwnedFd,
    /// Held by the thread that polls.
    polling: Mutex<Polling>,
}

struct Polling {
    poll: Poll,
    events: Events,
}

impl Poller {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        Ok(Self {
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), WAKE)?,
            dead: Socket::new(Domain::UNIX, Type::STREAM, None)?.into(),
            polling: Mutex::new(Polling {
                poll,
                events: Events::with_capacity(EVENTS),
            }),
        })
    }

    /// The poller, if there was a socket before.
    #[inline]
    pub(super) fn get() -> Option<&'static Self> {
        POLLER.get()
    }

    /// The poller, made now if there is none.
    ///
    /// # Errors
    ///
    /// If the system refuses the descriptors; the next socket tries again.
    pub(super) fn start() -> io::Result<&'static Self> {
        if let Some(poller) = POLLER.get() {
            return Ok(poller);
        }
        // Of two that are made at the same time one is dropped.
        let poller = Self::new()?;
        Ok(POLLER.get_or_init(|| poller))
    }

    /// Has the system report what happens to `fd`.
    pub(super) fn register(&self, fd: RawFd, token: Token) -> io::Result<()> {
        let all = Interest::READABLE | Interest::WRITABLE;
        // Urgent data divides the bytes that one read gives; see `Edge::Over`.
        #[cfg(target_os = "linux")]
        let all = all | Interest::PRIORITY;
        self.registry.register(&mut SourceFd(&fd), token, all)
    }

    /// Ends the reports. The number is still that of the registered socket.
    pub(super) fn deregister(&self, fd: RawFd) {
        // It fails only for a socket that is not registered, which is what is wanted.
        let _ = self.registry.deregister(&mut SourceFd(&fd));
    }

    /// What a closed socket's number is to name.
    pub(super) fn dead(&self) -> BorrowedFd<'_> {
        self.dead.as_fd()
    }

    /// See [`super::wake`].
    pub(super) fn wake(&self) {
        // The counter behind it cannot overflow: `mio` resets it.
        let _ = self.waker.wake();
    }

    /// See [`super::poll`].
    pub(super) fn poll(
        &self,
        deadline: u64,
        called: impl FnOnce() -> bool,
        ready: &mut dyn FnMut(Task),
    ) -> bool {
        let Ok(mut polling) = self.polling.try_lock() else {
            return false;
        };
        if called() {
            return true;
        }
        polling.wait(deadline);
        let mut wakes = Wakes::new();
        for event in &polling.events {
            if let Some((source, generation)) = slab::find(event.token()) {
                source.event(generation, edges(event), &mut wakes);
            }
        }
        LAST.store(clock::now(), Ordering::Relaxed);
        drop(polling);
        wakes.each(ready);
        true
    }
}

/// See [`super::last_poll`].
pub(super) fn last() -> u64 {
    LAST.load(Ordering::Relaxed)
}

/// What an event says about reading and writing.
fn edges(event: &Event) -> [Edge; 2] {
    let edge = |ready, over| match (ready, over) {
        (_, true) => Edge::Over,
        (true, false) => Edge::Ready,
        (false, false) => Edge::None,
    };
    let error = event.is_error();
    [
        edge(
            event.is_readable(),
            event.is_read_closed() || event.is_priority() || error,
        ),
        edge(event.is_writable(), event.is_write_closed() || error),
    ]
}

impl Polling {
    /// Collects events, waiting for the first one until `deadline`. May return early.
    fn wait(&mut self, deadline: u64) {
        if deadline == 0 || deadline == NEVER {
            self.collect((deadline == 0).then_some(Duration::ZERO));
            return;
        }
        loop {
            let left = deadline.saturating_sub(clock::now());
            let interrupted = if left >= MILLISECOND {
                // A whole number, or `mio` would round it up.
                self.collect(Some(Duration::from_millis(left / MILLISECOND)))
            } else {
                self.doze(left);
                self.collect(Some(Duration::ZERO));
                return;
            };
            if interrupted || !self.events.is_empty() {
                return;
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn doze(&self, left: u64) {
        if left > 0 {
            syscall::doze(&self.poll, Duration::from_nanos(left));
        }
    }

    /// Polls once. True if a signal cut it short.
    fn collect(&mut self, timeout: Option<Duration>) -> bool {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                // What is left of an earlier poll is no news.
                self.events.clear();
                true
            }
            Err(error) => fatal::exit(format_args!(
                "fatal error: csp cannot poll for sockets: {error}\n"
            )),
        }
    }
}
