//! A channel's receiver or sender as an arm of a select.
#![expect(unsafe_code, reason = "state under locks that select holds")]

use std::marker::PhantomPinned;
use std::mem::MaybeUninit;

use super::permit::{Kind, SendPermit};
use super::receiver::Flavor;
use super::state::{Received, Reserved};
use super::{Receiver, Sender};
use crate::primitive::biased::Biased;
use crate::primitive::clock::{self, NEVER};
use crate::protocol::ticket::Wait;
use crate::wait::{Case, Outcome, Poll, Task, Waiter};

/// A receive arm; see [`recv_arm`](crate::__private::recv_arm).
pub struct RecvArm<'a, T> {
    /// `None` if the source is a `None`, or the arm is disabled.
    source: Option<&'a Receiver<T>>,
    waiter: Waiter,
    /// Where the value arrives.
    place: MaybeUninit<T>,
    won: Won,
    /// Others write to `waiter` and `place` while select holds the arm by `&mut`: the arm must not
    /// be taken for unaliased.
    _shared: PhantomPinned,
}

/// What the arm has received.
#[derive(PartialEq, Eq)]
enum Won {
    Nothing,
    /// `place` is initialised.
    Value,
    Closed,
}

/// A send arm; see [`send_arm`](crate::__private::send_arm).
pub struct SendArm<'a, T> {
    /// `None` if the source is a `None`, or the arm is disabled.
    source: Option<&'a Sender<T>>,
    waiter: Waiter,
    won: Option<SendPermit<T>>,
    /// As in [`RecvArm`].
    _shared: PhantomPinned,
}

impl<'a, T> RecvArm<'a, T> {
    pub(crate) fn new(source: Option<&'a Receiver<T>>) -> Self {
        Self {
            source,
            waiter: Waiter::new(),
            place: MaybeUninit::uninit(),
            won: Won::Nothing,
            _shared: PhantomPinned,
        }
    }

    /// Takes what the arm received when it was selected; `None` means closed and drained.
    pub fn take(&mut self) -> Option<T> {
        match std::mem::replace(&mut self.won, Won::Nothing) {
            // SAFETY: `Value` says that the place is initialised, and is gone now.
            Won::Value => Some(unsafe { self.place.assume_init_read() }),
            Won::Closed | Won::Nothing => None,
        }
    }

    /// Switches the arm off for the rest of this select.
    pub fn disable(&mut self) {
        self.source = None;
    }
}

impl<T> Drop for RecvArm<'_, T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<'a, T> SendArm<'a, T> {
    pub(crate) fn new(source: Option<&'a Sender<T>>) -> Self {
        Self {
            source,
            waiter: Waiter::new(),
            won: None,
            _shared: PhantomPinned,
        }
    }

    /// Takes the permit to send, after the arm was selected.
    pub fn take(&mut self) -> SendPermit<T> {
        self.won
            .take()
            .unwrap_or_else(|| SendPermit::new(Kind::Closed))
    }
}

// SAFETY: the lock is that of the channel, alarm or signal, whose list `enqueue` uses; the waiter is a
// field of the arm.
unsafe impl<T> Case for RecvArm<'_, T> {
    fn lock(&self) -> Option<&Biased> {
        match &self.source?.0 {
            Flavor::Channel(channel) => Some(channel.raw_lock()),
            Flavor::Alarm(alarm, _) => Some(alarm.raw_lock()),
            Flavor::Done(done) => Some(done.signal().raw_lock()),
            Flavor::Never => None,
        }
    }

    fn is_disabled(&self) -> bool {
        self.source.is_none()
    }

    fn is_send(&self) -> bool {
        false
    }

    fn poll(&mut self, task: Task) -> Poll {
        let Some(source) = self.source else {
            return Poll::Pending;
        };
        match &source.0 {
            Flavor::Channel(channel) => {
                // SAFETY: select holds the lock.
                match unsafe { channel.state() }.recv() {
                    Received::Got(value, peer) => {
                        self.place.write(value);
                        self.won = Won::Value;
                        Poll::Ready(peer)
                    }
                    Received::Closed => {
                        self.won = Won::Closed;
                        Poll::Ready(None)
                    }
                    Received::Empty => Poll::Pending,
                    Received::Peer(sender) => {
                        self.waiter
                            .prepare(task, None, 0, self.place.as_mut_ptr().cast());
                        let peer = sender.task();
                        sender.promise(&self.waiter);
                        Poll::Peer(peer)
                    }
                }
            }
            Flavor::Alarm(alarm, make) => {
                // SAFETY: select holds the lock.
                match unsafe { alarm.state() }.take(clock::now()) {
                    Some(tick) => {
                        self.place.write(make(tick));
                        self.won = Won::Value;
                        Poll::Ready(None)
                    }
                    None => Poll::Pending,
                }
            }
            Flavor::Done(done) => {
                if done.signal().is_closed() {
                    self.won = Won::Closed;
                    Poll::Ready(None)
                } else {
                    Poll::Pending
                }
            }
            Flavor::Never => Poll::Pending,
        }
    }

    fn enqueue(&mut self, task: Task, wait: Wait, arm: u16, front: bool) -> u64 {
        self.waiter
            .prepare(task, Some(wait), arm, self.place.as_mut_ptr().cast());
        match self.source.map(|source| &source.0) {
            Some(Flavor::Channel(channel)) => {
                // SAFETY: select holds the lock.
                unsafe { channel.state() }
                    .receivers
                    .push(&self.waiter, front);
                NEVER
            }
            Some(Flavor::Alarm(alarm, _)) => {
                // SAFETY: select holds the lock.
                let state = unsafe { alarm.state() };
                state.waiters.push(&self.waiter, front);
                state.next()
            }
            Some(Flavor::Done(done)) => {
                // SAFETY: select holds the lock.
                unsafe { done.signal().state() }
                    .waiters
                    .push(&self.waiter, front);
                done.signal().deadline()
            }
            Some(Flavor::Never) | None => NEVER,
        }
    }

    fn dequeue(&mut self) {
        if !self.waiter.is_queued() {
            return;
        }
        match self.source.map(|source| &source.0) {
            Some(Flavor::Channel(channel)) => {
                // SAFETY: select holds the lock.
                unsafe { channel.state() }.receivers.remove(&self.waiter);
            }
            Some(Flavor::Alarm(alarm, _)) => {
                // SAFETY: select holds the lock.
                unsafe { alarm.state() }.waiters.remove(&self.waiter);
            }
            Some(Flavor::Done(done)) => {
                // SAFETY: select holds the lock.
                unsafe { done.signal().state() }
                    .waiters
                    .remove(&self.waiter);
            }
            Some(Flavor::Never) | None => {}
        }
    }

    fn discard(&mut self) {
        drop(self.take());
    }

    fn settle(&mut self) -> bool {
        self.won = match self.waiter.outcome() {
            Outcome::Done => Won::Value,
            Outcome::Closed => Won::Closed,
            _ => return false,
        };
        true
    }
}

// SAFETY: the lock is that of the channel, whose list `enqueue` uses; the waiter is a field of
// the arm.
unsafe impl<T> Case for SendArm<'_, T> {
    fn lock(&self) -> Option<&Biased> {
        self.source.map(|source| source.0.raw_lock())
    }

    fn is_disabled(&self) -> bool {
        self.source.is_none()
    }

    fn is_send(&self) -> bool {
        true
    }

    fn poll(&mut self, _task: Task) -> Poll {
        let Some(source) = self.source else {
            return Poll::Pending;
        };
        // SAFETY: select holds the lock.
        let kind = match unsafe { source.0.state() }.reserve() {
            Reserved::Peer(receiver) => Kind::Peer(receiver.into()),
            Reserved::Granted => Kind::Place(source.0.clone_sender()),
            Reserved::Expected => Kind::Promise(source.0.clone_sender()),
            Reserved::Closed => Kind::Closed,
            Reserved::Full => return Poll::Pending,
        };
        self.won = Some(SendPermit::new(kind));
        Poll::Ready(None)
    }

    fn enqueue(&mut self, task: Task, wait: Wait, arm: u16, front: bool) -> u64 {
        self.waiter
            .prepare(task, Some(wait), arm, std::ptr::null_mut());
        if let Some(source) = self.source {
            // SAFETY: select holds the lock.
            unsafe { source.0.state() }
                .senders
                .push(&self.waiter, front);
        }
        NEVER
    }

    fn dequeue(&mut self) {
        if let Some(source) = self.source
            && self.waiter.is_queued()
        {
            // SAFETY: select holds the lock.
            unsafe { source.0.state() }.senders.remove(&self.waiter);
        }
    }

    fn discard(&mut self) {
        drop(self.won.take());
    }

    fn settle(&mut self) -> bool {
        let Some(source) = self.source else {
            return false;
        };
        let kind = match self.waiter.outcome() {
            Outcome::Promised => Kind::Peer(self.waiter.peer()),
            Outcome::Granted => Kind::Place(source.0.clone_sender()),
            Outcome::Expected => Kind::Promise(source.0.clone_sender()),
            Outcome::Closed => Kind::Closed,
            _ => return false,
        };
        self.won = Some(SendPermit::new(kind));
        true
    }
}
