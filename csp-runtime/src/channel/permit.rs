//! A send that is decided but has no value yet: what a `select!` holds while it evaluates VALUE.
#![expect(unsafe_code, reason = "hands a value to a parked receiver")]

use std::ptr::NonNull;

use super::error::SendError;
use super::shared::Handle;
use super::state::{Sent, State, hand_over};
use crate::wait::{Outcome, Task, Waiter};

/// The right, and the duty, to send one value: made by a select whose send arm was chosen.
///
/// It borrows nothing. Dropping it undoes the send: the receiver that was chosen goes on waiting, or
/// the place in the buffer goes to the next sender.
#[must_use = "dropping a permit undoes the send"]
pub struct SendPermit<T>(Kind<T>);

pub(super) enum Kind<T> {
    /// A receiver that stays parked until it gets the value or is told to go on waiting.
    Peer(NonNull<Waiter>),
    /// A reserved place; the handle counts as a sender.
    Place(Handle<T>),
    /// A future expects the value; the handle counts as a sender.
    Promise(Handle<T>),
    /// The channel was closed when the arm was chosen.
    Closed,
    /// Used up.
    Spent,
}

impl<T> SendPermit<T> {
    pub(super) fn new(kind: Kind<T>) -> Self {
        Self(kind)
    }

    /// Whether the channel was closed when the arm was chosen: `send` will give the value back.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.0, Kind::Closed)
    }

    /// Sends the value.
    ///
    /// # Errors
    ///
    /// If the channel is closed or has no receiver left; the value comes back.
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        match std::mem::replace(&mut self.0, Kind::Spent) {
            Kind::Peer(receiver) => {
                // SAFETY: the receiver was won and stays parked until it is made ready below.
                let task = hand_over(unsafe { receiver.as_ref() }, value);
                task.ready();
                Ok(())
            }
            Kind::Place(channel) => {
                let result = complete(&channel, value, State::redeem);
                channel.drop_sender();
                result
            }
            Kind::Promise(channel) => {
                let result = complete(&channel, value, State::fulfil);
                channel.drop_sender();
                result
            }
            Kind::Closed | Kind::Spent => Err(SendError(value)),
        }
    }

    /// Sends the value.
    ///
    /// # Panics
    ///
    /// If the channel is closed or has no receiver left.
    #[track_caller]
    pub fn send_or_panic(self, value: T) {
        assert!(self.send(value).is_ok(), "send on closed channel");
    }
}

/// Hands the value over by `step`, a transition of the state, and makes the ring larger if that needs memory.
fn complete<T>(
    channel: &Handle<T>,
    mut value: T,
    step: fn(&mut State<T>, T) -> Sent<T>,
) -> Result<(), SendError<T>> {
    loop {
        let sent = step(&mut channel.lock(), value);
        match sent {
            Sent::Done(peer) => {
                handed(channel, peer);
                return Ok(());
            }
            Sent::Closed(back) => return Err(SendError(back)),
            Sent::Grow(back) | Sent::Full(back) => {
                value = back;
                // A value that a future gave back may lie in the place that was reserved.
                channel.grow_beyond();
            }
        }
    }
}

/// A value that was still to come has been buffered, or handed to `peer`.
fn handed<T>(channel: &Handle<T>, peer: Option<Task>) {
    if let Some(peer) = peer {
        peer.ready();
        // It may have been all that a closed channel waited for.
        let wakes = channel.lock_for_long().end_if_drained();
        wakes.ready();
    }
}

impl<T> Drop for SendPermit<T> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.0, Kind::Spent) {
            Kind::Peer(receiver) => {
                // SAFETY: as in `send`; its fields are read before it is made ready.
                let receiver = unsafe { receiver.as_ref() };
                receiver.set_outcome(Outcome::Withdrawn);
                receiver.task().ready();
            }
            Kind::Place(channel) => {
                let wakes = loop {
                    let withdrawn = channel.lock_for_long().withdraw();
                    match withdrawn {
                        Some(wakes) => break wakes,
                        None => channel.grow(),
                    }
                };
                wakes.ready();
                channel.drop_sender();
            }
            Kind::Promise(channel) => {
                let wakes = channel.lock_for_long().forsake();
                wakes.ready();
                channel.drop_sender();
            }
            Kind::Closed | Kind::Spent => {}
        }
    }
}
