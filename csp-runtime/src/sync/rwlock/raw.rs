//! The read-write lock without the data: the word, and those who queue.
//!
//! ```text
//!   readers in ─ last one leaves ──▶ the first writer of the queue
//!   writer in ── leaves ───────────▶ all readers that wait at this moment, else the next writer
//! ```
//!
//! So phases of reading and writing take turns while both are wanted, and neither starves: a reader waits for one writer
//! at most once those are in who are in, and a writer for one phase of readers and the writers that queued before it.
//! This is what Go's `RWMutex` does, and what Brandenburg and Anderson call phase-fair ("Spin-Based Reader-Writer
//! Synchronization for Multiprocessor Real-Time Systems", 2010).
//!
//! Ownership is handed over: who is woken holds the lock already. To let the woken compete with newcomers instead is
//! faster under heavy contention, but then the order above holds on average only.
//!
//! Invariants: see [`RwWord`]. Everything about queued tasks happens under the lock of `queues`.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use crate::goroutine::Reason;
use crate::primitive::spin::{Spin, SpinGuard};
use crate::primitive::sync;
use crate::protocol::rwlock::{Read, RwWord, State, Unlocked, Write};
use crate::sched;
use crate::sync::line::{self, Line};
use crate::wait::{Outcome, Task, WaitList, Wakes};

/// A read-write lock without data.
pub(super) struct Raw {
    /// Who holds it, and whether somebody waits.
    word: RwWord,
    /// Who waits.
    queues: Spin<Queues>,
}

// No user code runs under the lock of `queues`.
impl UnwindSafe for Raw {}
impl RefUnwindSafe for Raw {}

/// Those who wait.
struct Queues {
    readers: WaitList,
    writers: WaitList,
}

impl Queues {
    fn is_empty(&self) -> bool {
        self.readers.is_empty() && self.writers.is_empty()
    }
}

impl Raw {
    sync::const_fn! {
        pub(super) fn new() -> Self {
            Self {
                word: RwWord::new(),
                queues: Spin::new(Queues {
                    readers: WaitList::new(),
                    writers: WaitList::new(),
                }),
            }
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn read(&self) {
        if self.word.try_read() != Read::Held {
            self.read_slow(Line::forever(Reason::RwLockRead));
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn write(&self) {
        if self.word.try_write() != Write::Held {
            self.write_slow(Line::forever(Reason::RwLockWrite));
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn try_read(&self) -> bool {
        match self.word.try_read() {
            Read::Held => true,
            Read::Busy => false,
            Read::Overflow => overflow(),
        }
    }

    #[inline]
    pub(super) fn try_write(&self) -> bool {
        self.word.try_write() == Write::Held
    }

    #[track_caller]
    pub(super) fn read_timeout(&self, timeout: Duration) -> bool {
        self.try_read()
            || !timeout.is_zero() && self.read_slow(Line::timeout(Reason::RwLockRead, timeout))
    }

    #[track_caller]
    pub(super) fn write_timeout(&self, timeout: Duration) -> bool {
        self.try_write()
            || !timeout.is_zero() && self.write_slow(Line::timeout(Reason::RwLockWrite, timeout))
    }

    /// Gives up the caller's share of reading.
    #[inline]
    pub(super) fn unlock_read(&self) {
        if self.word.unlock_read() == Unlocked::Queued {
            self.unlock_read_slow();
        }
    }

    /// Gives up the right to write.
    #[inline]
    pub(super) fn unlock_write(&self) {
        if self.word.unlock_write() == Unlocked::Queued {
            self.unlock_write_slow();
        }
    }

    /// Turns the right to write into a share of reading; all readers that wait come in too.
    pub(super) fn downgrade(&self) {
        if self.word.downgrade() == Unlocked::Queued {
            let queues = self.queues.lock();
            let state = self.word.downgrade_writer();
            self.admit(queues, state, Turn::Readers);
        }
    }

    #[cold]
    #[track_caller]
    fn read_slow(&self, line: Line) -> bool {
        Task::warm_up();
        sched::checkpoint();
        let queues = self.queues.lock();
        match self.word.queue_reader() {
            Read::Held => return true,
            Read::Busy => {}
            Read::Overflow => {
                drop(queues);
                overflow();
            }
        }
        self.wait(queues, line, |queues| &mut queues.readers)
    }

    #[cold]
    fn write_slow(&self, line: Line) -> bool {
        Task::warm_up();
        sched::checkpoint();
        let queues = self.queues.lock();
        if self.word.queue_writer() == Write::Held {
            return true;
        }
        self.wait(queues, line, |queues| &mut queues.writers)
    }

    /// Waits in one of the queues. True if the caller holds the lock then, false if the time is over.
    fn wait(
        &self,
        queues: SpinGuard<'_, Queues>,
        line: Line,
        list: fn(&mut Queues) -> &mut WaitList,
    ) -> bool {
        match line.wait(&self.queues, queues, list, 0) {
            Ok(()) => true,
            Err(queues) => {
                // A writer that goes may have been all that kept readers out.
                self.admit(queues, self.word.state(), Turn::Writer);
                false
            }
        }
    }

    #[cold]
    fn unlock_read_slow(&self) {
        let queues = self.queues.lock();
        // Somebody whose time was over may have admitted others before we got the lock: `state` knows.
        self.admit(queues, self.word.state(), Turn::Writer);
    }

    #[cold]
    fn unlock_write_slow(&self) {
        let queues = self.queues.lock();
        let state = self.word.release_writer();
        self.admit(queues, state, Turn::Readers);
    }

    /// Lets in who may come in now, and wakes them.
    fn admit(&self, mut queues: SpinGuard<'_, Queues>, state: State, turn: Turn) {
        let mut wakes = Wakes::new();
        match state {
            State::NotQueued => {}
            State::Writer => {
                if queues.is_empty() {
                    self.word.nobody_queued();
                }
            }
            State::Nobody | State::Readers => {
                let mut readers = 0;
                if turn == Turn::Readers {
                    readers = line::claim_all(&mut queues.readers, &mut wakes);
                }
                let writer = match state {
                    State::Nobody if readers == 0 => queues.writers.claim(),
                    _ => None,
                };
                if let Some(writer) = writer {
                    writer.set_outcome(Outcome::Done);
                    wakes.push(writer);
                    self.word.admit_writer(queues.is_empty());
                } else {
                    if queues.writers.is_empty() {
                        readers += line::claim_all(&mut queues.readers, &mut wakes);
                    }
                    self.word.admit_readers(readers, queues.is_empty());
                }
            }
        }
        line::unlock_and_wake(queues, wakes);
    }
}

/// Who comes first when nobody is in and both kinds wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Readers,
    Writer,
}

#[cold]
#[track_caller]
fn overflow() -> ! {
    panic!("too many readers hold the lock");
}
