//! Messages that are counted: each must be dropped exactly once, whatever path it took.
//!
//! ```text
//!   unborn ──message(i)──► live ──drop──► dropped ──drop──► abort
//! ```
//! A second drop aborts instead of panicking, because it may happen while another panic unwinds.

use std::process::abort;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const UNBORN: u8 = 0;
const LIVE: u8 = 1;
const DROPPED: u8 = 2;

/// The states of a fixed number of messages.
#[derive(Debug)]
pub struct Ledger {
    /// One of `UNBORN`, `LIVE`, `DROPPED` for each message; changed only by [`Ledger::message`] and the message's drop.
    states: Box<[AtomicU8]>,
}

impl Ledger {
    /// Makes a ledger for messages `0..len`.
    pub fn new(len: usize) -> Arc<Ledger> {
        Arc::new(Ledger {
            states: (0..len).map(|_| AtomicU8::new(UNBORN)).collect(),
        })
    }

    /// Makes message `id`.
    ///
    /// # Panics
    ///
    /// If it was made before.
    pub fn message(self: &Arc<Self>, id: usize) -> Counted {
        assert_eq!(
            self.states[id].swap(LIVE, Ordering::SeqCst),
            UNBORN,
            "message {id} made twice"
        );
        Counted {
            id,
            ledger: Arc::clone(self),
        }
    }

    /// How many messages are alive.
    pub fn live(&self) -> usize {
        self.states
            .iter()
            .filter(|state| state.load(Ordering::SeqCst) == LIVE)
            .count()
    }

    /// How many messages were made.
    pub fn made(&self) -> usize {
        self.states
            .iter()
            .filter(|state| state.load(Ordering::SeqCst) != UNBORN)
            .count()
    }
}

/// A message of a [`Ledger`].
#[derive(Debug)]
pub struct Counted {
    /// Its number.
    pub id: usize,
    /// Where its drop is counted.
    ledger: Arc<Ledger>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.ledger.states[self.id].swap(DROPPED, Ordering::SeqCst) != LIVE {
            eprintln!("message {} dropped twice", self.id);
            abort();
        }
    }
}
