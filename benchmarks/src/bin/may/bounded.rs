//! A channel with a limit, of what may has: a channel without one, and a semaphore that counts the room in it.
//!
//! A capacity of 1 stands for a channel without a buffer, which cannot be made so: a sender is one message ahead.

use std::sync::Arc;

use may::sync::{Semphore, mpmc};

pub(crate) struct Sender<T> {
    room: Arc<Semphore>,
    messages: mpmc::Sender<T>,
}

pub(crate) struct Receiver<T> {
    room: Arc<Semphore>,
    messages: mpmc::Receiver<T>,
}

pub(crate) fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = mpmc::channel();
    let room = Arc::new(Semphore::new(capacity));
    let sender = Sender {
        room: room.clone(),
        messages: tx,
    };
    let receiver = Receiver { room, messages: rx };
    (sender, receiver)
}

impl<T> Sender<T> {
    /// Returns whether there is a receiver still.
    pub(crate) fn send(&self, message: T) -> bool {
        self.room.wait();
        self.messages.send(message).is_ok()
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Option<T> {
        let message = self.messages.recv().ok()?;
        self.room.post();
        Some(message)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            room: self.room.clone(),
            messages: self.messages.clone(),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self {
            room: self.room.clone(),
            messages: self.messages.clone(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    /// Lets a sender that waits for room find out that there is no receiver.
    fn drop(&mut self) {
        self.room.post();
    }
}
