//! The netpoller without the scheduler: real sockets, one test at a time, which polls by itself.

use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Registration, Way, has_waiters, last_poll, poll, wake};
use crate::primitive::clock::{self, NEVER};
use crate::protocol::readiness::{Look, Seen};
use crate::waitlist::{Task, ThreadTask, Waiter};

/// The poller belongs to the process; each test counts on being the only one that polls.
static ALONE: Mutex<()> = Mutex::new(());

fn seen(registration: &Registration, way: Way) -> Seen {
    match registration.look(way) {
        Look::Open(seen) => seen,
        Look::Closed => panic!("closed"),
    }
}

fn pair() -> (UnixDatagram, UnixDatagram, Registration) {
    let (left, right) = UnixDatagram::pair().expect("a pair");
    left.set_nonblocking(true).expect("an open socket");
    let registration = Registration::new(left.as_fd()).expect("it can be watched");
    // It can be written from the start, which is an event.
    poll(0, || false, &mut |_| panic!("nobody waits"));
    (left, right, registration)
}

fn link(registration: &Registration, waiter: &Waiter) {
    let task = Task::Thread(ThreadTask::current());
    let linked = registration.enlist(Way::Read, seen(registration, Way::Read), waiter, || {
        waiter.prepare(task, None, 0, std::ptr::null_mut());
    });
    assert!(linked.is_some());
    assert!(has_waiters());
}

/// Polls; how many tasks were made ready.
fn woken(deadline: u64) -> usize {
    let mut woken = 0;
    assert!(poll(deadline, || false, &mut |_| woken += 1));
    woken
}

#[test]
fn an_event_wakes_the_first_and_the_baton_the_next() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_left, right, registration) = pair();
    let waiters = [Waiter::new(), Waiter::new()];
    waiters
        .iter()
        .for_each(|waiter| link(&registration, waiter));
    right.send(b"a").expect("room");
    right.send(b"b").expect("room");
    assert_eq!(woken(NEVER), 1);
    assert!(registration.leave(Way::Read, &waiters[0], false));
    assert!(registration.pass(Way::Read).is_some());
    assert!(registration.leave(Way::Read, &waiters[1], false));
    assert!(registration.pass(Way::Read).is_none());
}

#[test]
fn an_event_after_the_look_forbids_to_wait() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_left, right, registration) = pair();
    let before = seen(&registration, Way::Read);
    right.send(b"a").expect("room");
    assert_eq!(woken(NEVER), 0);
    let waiter = Waiter::new();
    let linked = registration.enlist(Way::Read, before, &waiter, || panic!("not linked"));
    assert!(linked.is_none());
}

#[test]
fn an_event_of_an_earlier_owner_is_ignored() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_left, _right, registration) = pair();
    let before = seen(&registration, Way::Read);
    let mut wakes = crate::waitlist::Wakes::new();
    let edges = [super::source::Edge::Ready; 2];
    registration.event(u32::MAX, edges, &mut wakes);
    assert_eq!(seen(&registration, Way::Read), before);
}

#[test]
fn closing_wakes_all_and_keeps_the_number() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (left, right, registration) = pair();
    let waiters = [Waiter::new(), Waiter::new()];
    waiters
        .iter()
        .for_each(|waiter| link(&registration, waiter));
    let (wakes, released) = registration.close(left.as_fd()).expect("it was open");
    released.expect("it can be released");
    let mut woken = 0;
    wakes.each(&mut |_| woken += 1);
    assert_eq!(woken, 2);
    for waiter in &waiters {
        assert!(!registration.leave(Way::Read, waiter, false));
    }
    assert!(registration.close(left.as_fd()).is_none());
    assert!(left.recv(&mut [0]).is_err(), "the number is still in use");
    assert!(right.send(b"a").is_err(), "the peer is gone");
}

#[test]
fn a_deadline_ends_a_poll_and_not_before() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_left, _right, _registration) = pair();
    for limit in [50, 900, 2_300] {
        let deadline = clock::deadline(Duration::from_micros(limit));
        // What earlier tests left to be reported may end it early.
        while last_poll() < deadline {
            assert_eq!(woken(deadline), 0);
        }
        assert!(clock::now() >= deadline);
    }
}

#[test]
fn wake_ends_a_poll_without_a_deadline() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_left, _right, _registration) = pair();
    std::thread::scope(|scope| {
        scope.spawn(wake);
        assert_eq!(woken(NEVER), 0);
    });
}
