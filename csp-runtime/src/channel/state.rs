//! What a channel's lock protects, and every transition of it.
//!
//! | | receivers wait | nobody waits | senders wait |
//! |---|---|---|---|
//! | `send` | hands the value to the first | buffers it, or must wait | must wait behind them |
//! | `recv` | must wait behind them | takes from the buffer, or must wait | takes from the buffer and moves the first sender's value up, or takes it from the first sender |
//! | `close` | all get `Closed` | — | all get `Closed` |
//!
//! Invariants, while the lock is free:
//! - Receivers wait only if the buffer is empty; senders only if buffered and reserved values
//!   together reach the capacity. Not both, except that a sender without a value may wait for a
//!   reservation while receivers wait for it.
//! - `reserved` counts places promised to senders that make their value only now (an arm of a
//!   `select!`). A closed channel with reservations is not drained yet: receivers wait for them.
//! - After `closed`, no sender waits; after `abandoned`, the buffer stays empty.
//!
//! - `promises` counts values that are being made for futures that receive. Such a future is in `expecting`; if it is
//!   dropped, its value goes to whoever waits next, or into the buffer, beyond the capacity if need be. A place is not
//!   kept for it, so that a rendezvous channel can make the promise too.
//!
//! A sender without a value is a waiter whose place is null. To meet it at an empty channel, a
//! receiver promises to wait for the value; see `Outcome::Promised`. A future cannot promise that, since it may be
//! dropped at any time: see `Outcome::Expected`.
#![expect(unsafe_code, reason = "values move through the waiters' places")]

use super::buffer::Buffer;
use crate::wait::{Outcome, Task, WaitList, Waiter, Wakes};

/// The protected part of a channel. First what every operation on a buffer changes.
#[repr(C)]
pub(super) struct State<T> {
    buffer: Buffer<T>,
    /// The most values buffered and reserved; `usize::MAX` for an unbounded channel.
    capacity: usize,
    /// Places promised to senders that are making their value.
    reserved: usize,
    /// Values that are being made for futures.
    promises: usize,
    /// No more sends begin.
    closed: bool,
    /// The last receiver is gone.
    abandoned: bool,
    pub(super) receivers: WaitList,
    pub(super) senders: WaitList,
    /// Futures for which a value is being made.
    expecting: WaitList,
}

/// What became of a send.
pub(super) enum Sent<T> {
    /// Sent; this task has to be made ready.
    Done(Option<Task>),
    /// No room and no receiver.
    Full(T),
    /// The buffer needs more memory: grow it and try again.
    Grow(T),
    /// Closed, or nobody is left to receive.
    Closed(T),
}

/// What became of a receive.
pub(super) enum Received<T> {
    /// A value; this task has to be made ready.
    Got(T, Option<Task>),
    /// This sender has no value yet: promise to wait for it.
    Peer(&'static Waiter),
    /// Closed and drained.
    Closed,
    /// Nothing there.
    Empty,
}

/// What became of a reservation.
pub(super) enum Reserved {
    /// This receiver is won; it waits until the value is made.
    Peer(&'static Waiter),
    /// A place in the buffer is kept.
    Granted,
    /// A future expects the value.
    Expected,
    /// Closed, or nobody is left to receive.
    Closed,
    /// No room and no receiver.
    Full,
}

impl<T> State<T> {
    /// How much of it changes while nobody waits.
    #[cfg(not(loom))]
    pub(super) const BUFFER_END: usize =
        std::mem::offset_of!(Self, buffer) + std::mem::size_of::<Buffer<T>>();

    pub(super) fn new(capacity: usize) -> Self {
        Self {
            buffer: Buffer::new(capacity),
            capacity,
            reserved: 0,
            promises: 0,
            closed: false,
            abandoned: false,
            receivers: WaitList::new(),
            senders: WaitList::new(),
            expecting: WaitList::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed || self.abandoned
    }

    /// Whether values are still to come after the channel is closed.
    #[inline]
    fn is_owed(&self) -> bool {
        self.reserved + self.promises != 0
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.buffer.len() + self.reserved < self.capacity
    }

    /// Hands a value to the first receiver, or puts it into the ring, if that is all there is to do; or gives it back.
    #[inline]
    pub(super) fn send_at_once(&mut self, value: T) -> Result<Option<Task>, T> {
        if self.is_closed() {
            return Err(value);
        }
        if !self.receivers.is_empty() {
            return match self.receivers.claim_uncontested() {
                Some(receiver) => Ok(Some(hand_over(receiver, value))),
                None => Err(value),
            };
        }
        if !self.has_room() {
            return Err(value);
        }
        self.buffer.push(value).map(|()| None)
    }

    /// Takes a value from the ring, or that of the first sender, if that is all there is to do. With the task to be made
    /// ready.
    #[inline]
    pub(super) fn recv_at_once(&mut self) -> Option<(T, Option<Task>)> {
        if self.senders.is_empty() {
            return self.buffer.pop().map(|value| (value, None));
        }
        if self.buffer.len() != 0 || self.senders.first_place().is_null() {
            return None;
        }
        let sender = self.senders.claim_uncontested()?;
        Some((take_from(sender), Some(sender.task())))
    }

    /// Sends a value if that is possible now.
    #[inline]
    pub(super) fn send(&mut self, value: T) -> Sent<T> {
        if self.is_closed() {
            return Sent::Closed(value);
        }
        if let Some(receiver) = self.receivers.claim() {
            return Sent::Done(Some(hand_over(receiver, value)));
        }
        if !self.has_room() {
            return Sent::Full(value);
        }
        match self.buffer.push(value) {
            Ok(()) => Sent::Done(None),
            Err(value) => Sent::Grow(value),
        }
    }

    /// Whether a receiver has to wait, and nothing else is to be done.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.buffer.len() == 0 && self.senders.is_empty() && !self.is_closed()
    }

    /// Receives a value if that is possible now.
    #[inline]
    pub(super) fn recv(&mut self) -> Received<T> {
        if let Some(value) = self.buffer.pop() {
            return Received::Got(value, self.move_up());
        }
        match self.senders.claim() {
            Some(sender) if sender.place().is_null() => Received::Peer(sender),
            Some(sender) => {
                let value = take_from(sender);
                Received::Got(value, Some(sender.task()))
            }
            None if self.is_closed() && !self.is_owed() => Received::Closed,
            None => Received::Empty,
        }
    }

    /// A place has become free: the first waiting sender gets it.
    #[inline]
    fn move_up(&mut self) -> Option<Task> {
        if !self.has_room() {
            return None;
        }
        let sender = self.senders.claim()?;
        if sender.place().is_null() {
            self.reserved += 1;
            sender.set_outcome(Outcome::Granted);
        } else {
            let pushed = self.buffer.push(take_from(sender));
            debug_assert!(pushed.is_ok(), "a value has just left the ring");
        }
        Some(sender.task())
    }

    /// Wins a receiver, or keeps a place, for a value that is yet to be made.
    pub(super) fn reserve(&mut self) -> Reserved {
        if self.is_closed() {
            return Reserved::Closed;
        }
        if let Some(receiver) = self.receivers.claim() {
            if receiver.task().as_future().is_some() {
                self.expect(receiver);
                return Reserved::Expected;
            }
            return Reserved::Peer(receiver);
        }
        if self.has_room() {
            self.reserved += 1;
            return Reserved::Granted;
        }
        Reserved::Full
    }

    /// Sends into a reserved place. `Full` is not possible. The caller calls `end_if_drained` after
    /// handing over to a receiver.
    pub(super) fn redeem(&mut self, value: T) -> Sent<T> {
        if self.abandoned {
            self.reserved -= 1;
            return Sent::Closed(value);
        }
        if let Some(receiver) = self.receivers.claim() {
            self.reserved -= 1;
            return Sent::Done(Some(hand_over(receiver, value)));
        }
        match self.buffer.push(value) {
            Ok(()) => {
                self.reserved -= 1;
                Sent::Done(None)
            }
            Err(value) => Sent::Grow(value),
        }
    }

    /// Gives a reserved place back: to the next sender, or, if the channel is now drained, to nobody. `None` if
    /// the ring must grow first, for that sender's value.
    pub(super) fn withdraw(&mut self) -> Option<Wakes> {
        if self.is_closed() {
            self.reserved -= 1;
            return Some(self.end_if_drained());
        }
        let slots = self.buffer.slots();
        if self.buffer.len() == slots && slots < self.capacity {
            return None;
        }
        self.reserved -= 1;
        let mut wakes = Wakes::new();
        if self.has_room()
            && let Some(sender) = self.senders.claim()
        {
            if sender.place().is_null() {
                self.reserved += 1;
                sender.set_outcome(Outcome::Granted);
            } else {
                let pushed = self.buffer.push(take_from(sender));
                debug_assert!(pushed.is_ok(), "the ring was looked at above");
            }
            wakes.push(sender);
        }
        Some(wakes)
    }

    /// Has a future, which is in no list, expect a value that a sender is going to make.
    pub(super) fn expect(&mut self, future: &Waiter) {
        self.promises += 1;
        future.set_outcome(Outcome::Expected);
        self.expecting.push(future, false);
    }

    /// Sends a value that a future expected: to it, or if it is gone to whoever waits next, or into the buffer. As for
    /// `redeem`, the caller calls `end_if_drained` after handing over.
    pub(super) fn fulfil(&mut self, value: T) -> Sent<T> {
        if self.abandoned {
            self.promises -= 1;
            return Sent::Closed(value);
        }
        let sent = match self.next_receiver() {
            Some(receiver) => Sent::Done(Some(hand_over(receiver, value))),
            None => match self.buffer.push(value) {
                Ok(()) => Sent::Done(None),
                Err(value) => return Sent::Grow(value),
            },
        };
        self.promises -= 1;
        sent
    }

    /// A value that a future expected does not come: it starts over.
    pub(super) fn forsake(&mut self) -> Wakes {
        self.promises -= 1;
        let mut wakes = self.end_if_drained();
        if let Some(future) = self.expecting.claim() {
            future.set_outcome(Outcome::Withdrawn);
            wakes.push(future);
        }
        wakes
    }

    /// Takes back a value that was handed to a future which was dropped instead of polled: it is the oldest, so it goes
    /// to whoever waits, or to the front of the buffer.
    pub(super) fn give_back(&mut self, value: T) -> Sent<T> {
        match self.next_receiver() {
            Some(receiver) => Sent::Done(Some(hand_over(receiver, value))),
            None => match self.buffer.push_front(value) {
                Ok(()) => Sent::Done(None),
                Err(value) => Sent::Grow(value),
            },
        }
    }

    fn next_receiver(&mut self) -> Option<&'static Waiter> {
        self.expecting.claim().or_else(|| self.receivers.claim())
    }

    /// Unlinks the waiter of a future that receives.
    pub(super) fn leave(&mut self, future: &Waiter) {
        if future.outcome() == Outcome::Expected {
            self.expecting.remove(future);
        } else {
            self.receivers.remove(future);
        }
    }

    /// Closes the channel.
    pub(super) fn close(&mut self) -> Wakes {
        self.closed = true;
        let mut wakes = self.end_if_drained();
        end_all(&mut self.senders, &mut wakes);
        wakes
    }

    /// Tells those who wait to receive that nothing can come any more, if that is so. Due whenever
    /// a channel is closed, and whenever a closed channel loses a reservation.
    pub(super) fn end_if_drained(&mut self) -> Wakes {
        let mut wakes = Wakes::new();
        if self.is_closed() && !self.is_owed() && self.buffer.len() == 0 {
            end_all(&mut self.receivers, &mut wakes);
        }
        wakes
    }

    /// The last receiver is gone: what is buffered goes to nobody. The caller drops it outside the
    /// lock.
    pub(super) fn abandon(&mut self) -> (Wakes, Buffer<T>) {
        self.abandoned = true;
        let mut wakes = Wakes::new();
        end_all(&mut self.senders, &mut wakes);
        (wakes, std::mem::replace(&mut self.buffer, Buffer::new(0)))
    }

    /// How many places the ring has.
    pub(super) fn slots(&self) -> usize {
        self.buffer.slots()
    }

    /// Moves the values into a larger ring.
    pub(super) fn adopt(&mut self, larger: &mut Buffer<T>) {
        if !self.abandoned {
            self.buffer.adopt(larger);
        }
    }
}

/// Ends all waits of a list with `Closed`.
fn end_all(list: &mut WaitList, wakes: &mut Wakes) {
    while let Some(waiter) = list.claim() {
        waiter.set_outcome(Outcome::Closed);
        wakes.push(waiter);
    }
}

/// Writes a value to the place of a receiver that was won.
#[inline]
pub(super) fn hand_over<T>(receiver: &Waiter, value: T) -> Task {
    let place = receiver.place().cast::<T>();
    // SAFETY: receivers of this channel prepare their waiter with the address of a `T`-sized place
    // on their stack, which stays while they are parked, or in a future, which stays while the lock is held: the
    // callers without the lock have a parked one. We won this one.
    unsafe { place.write(value) };
    receiver.set_outcome(Outcome::Done);
    receiver.task()
}

/// Takes the value of a sender that was won and has one.
#[inline]
fn take_from<T>(sender: &Waiter) -> T {
    sender.set_outcome(Outcome::Done);
    // SAFETY: senders of this channel prepare their waiter with the address of their value, and do
    // not touch it again if the outcome is `Done`; we won this one, and hold the lock.
    unsafe { sender.place().cast::<T>().read() }
}
