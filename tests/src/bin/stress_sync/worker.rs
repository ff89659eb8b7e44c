//! What a worker of a round does: one operation after the other, chosen at random, and its own books of them.

use csp::context::{Context, ContextError};
use csp::prelude::*;
use csp::sync::atomic::{AtomicU64, Ordering};
use csp::sync::{Arc, ErrGroup};
use csp_tests::{Counted, Rng, moved};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::{PERMITS, ROOM, Shared, Totals};

csp::local! {
    /// What the calling goroutine or thread has done in this round.
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// One of those who use everything.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    rng: Rng,
    done: Totals,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, rng: Rng) -> Self {
        Self {
            shared,
            rng,
            done: Totals::default(),
        }
    }

    /// Does one thing after the other until it is told to stop.
    pub(crate) fn run(mut self, root: &Context) -> Totals {
        DONE.set(0);
        while root.err().is_none() && self.done.operations < 400 {
            moved();
            self.done.operations += 1;
            DONE.set(DONE.get() + 1);
            let patience = Duration::from_micros(self.rng.below(120));
            match self.rng.below(10) {
                0 => self.lock(patience),
                1 => self.read_or_write(patience),
                2 => self.permits(patience),
                3 => self.push(patience),
                4 => self.pop(patience),
                5 => self.message(root, patience),
                6 => self.group(root),
                7 => self.callback(root, patience),
                8 => self.once_and_pool(),
                _ => self.future(root, patience),
            }
            assert_eq!(DONE.get(), self.done.operations, "another's local");
        }
        self.done
    }

    fn lock(&mut self, patience: Duration) {
        let guard = match self.rng.below(3) {
            0 => Some(self.shared.mutex.lock()),
            1 => self.shared.mutex.try_lock(),
            _ => self.shared.mutex.lock_timeout(patience),
        };
        let Some(mut pair) = guard else {
            self.done.timeouts += 1;
            return;
        };
        assert_eq!(pair.0, pair.1);
        pair.0 += 1;
        self.rng.jitter();
        pair.1 += 1;
        self.done.locked += 1;
    }

    fn read_or_write(&mut self, patience: Duration) {
        if self.rng.one_in(3) {
            let guard = match self.rng.below(3) {
                0 => Some(self.shared.rwlock.write()),
                1 => self.shared.rwlock.try_write(),
                _ => self.shared.rwlock.write_timeout(patience),
            };
            let Some(mut pair) = guard else {
                self.done.timeouts += 1;
                return;
            };
            pair.0 += 1;
            self.rng.jitter();
            pair.1 += 1;
            self.done.written += 1;
            if self.rng.one_in(2) {
                let pair = csp::sync::RwLockWriteGuard::downgrade(pair);
                self.rng.jitter();
                assert_eq!(pair.0, pair.1);
            }
        } else {
            let guard = match self.rng.below(3) {
                0 => Some(self.shared.rwlock.read()),
                1 => self.shared.rwlock.try_read(),
                _ => self.shared.rwlock.read_timeout(patience),
            };
            if let Some(pair) = guard {
                let before = *pair;
                self.rng.jitter();
                assert!(*pair == before && pair.0 == pair.1);
            } else {
                self.done.timeouts += 1;
            }
        }
    }

    fn permits(&mut self, patience: Duration) {
        let n = 1 + self.rng.below(PERMITS as u64) as usize;
        let permit = match self.rng.below(3) {
            0 => Some(self.shared.semaphore.acquire(n)),
            1 => self.shared.semaphore.try_acquire(n),
            _ => self.shared.semaphore.acquire_timeout(n, patience),
        };
        if permit.is_none() {
            self.done.timeouts += 1;
            return;
        }
        let out = self.shared.out.fetch_add(n, Ordering::Relaxed) + n;
        assert!(out <= PERMITS, "{out} permits are out");
        self.rng.jitter();
        self.shared.out.fetch_sub(n, Ordering::Relaxed);
    }

    fn push(&mut self, patience: Duration) {
        let items = self.shared.queue.lock();
        let (mut items, result) =
            self.shared
                .emptied
                .wait_timeout_while(items, patience, |items| items.len() >= ROOM);
        if result.timed_out() {
            self.done.timeouts += 1;
            return;
        }
        items.push(self.done.operations);
        self.done.pushed += 1;
        drop(items);
        if self.rng.one_in(4) {
            self.shared.filled.notify_all();
        } else {
            self.shared.filled.notify_one();
        }
    }

    fn pop(&mut self, patience: Duration) {
        let items = self.shared.queue.lock();
        let (mut items, result) = self
            .shared
            .filled
            .wait_timeout_while(items, patience, |items| items.is_empty());
        if result.timed_out() {
            self.done.timeouts += 1;
            return;
        }
        items.pop().expect("it is not empty");
        self.done.popped += 1;
        drop(items);
        self.shared.emptied.notify_one();
    }

    /// A message, if one is left to make.
    fn make(&self) -> Option<Counted> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        (id < self.shared.size).then(|| self.shared.ledger.message(id))
    }

    /// Sends or receives under a context of its own.
    fn message(&mut self, root: &Context, patience: Duration) {
        let (context, cancel) = if self.rng.one_in(2) {
            root.with_timeout(patience)
        } else {
            root.with_cancel()
        };
        assert_eq!(context.value::<u32>().as_deref(), Some(&7));
        if self.rng.one_in(2) {
            go!(cancel.cancel());
        } else if context.deadline().is_none() {
            cancel.cancel();
        }
        if self.rng.one_in(2) {
            let Some(message) = self.make() else { return };
            let mut waiting = Some(message);
            select! {
                sent = self.shared.tx <- waiting.take().expect("one arm wins") => {
                    let back = sent.err().map(|error| error.into_inner().id);
                    self.done.messages.extend(back);
                }
                _ = <-context.done() => self.ended(&context),
            }
            self.done.messages.extend(waiting.map(|message| message.id));
        } else {
            select! {
                got = <-self.shared.rx => self.done.messages.extend(got.map(|message| message.id)),
                _ = <-context.done() => self.ended(&context),
            }
        }
    }

    /// Counts how a context that is done has ended.
    fn ended(&mut self, context: &Context) {
        match context.err().expect("done comes after the error") {
            ContextError::Canceled => self.done.canceled += 1,
            ContextError::DeadlineExceeded => self.done.timeouts += 1,
        }
    }

    /// Members that succeed, fail, panic and wait to be cancelled.
    fn group(&mut self, root: &Context) {
        let (group, context) = ErrGroup::<u64>::with_context(root);
        if self.rng.one_in(2) {
            group.set_limit(1 + self.rng.below(3) as usize);
        }
        let (fails, panics) = (self.rng.one_in(3), self.rng.one_in(12));
        let ran = Arc::new(AtomicU64::new(0));
        for n in 0..1 + self.rng.below(4) {
            go!(in group, clone(ran) => {
                ran.fetch_add(1, Ordering::Relaxed);
                csp::yield_now();
                if n == 0 && fails { Err(n) } else { Ok(()) }
            });
        }
        if panics {
            go!(in group => {
                if black_box(true) {
                    std::panic::resume_unwind(Box::new("of a member"));
                }
                Ok(())
            });
        }
        if fails {
            let context = context.clone();
            go!(in group => {
                context.done().recv();
                Ok(())
            });
        }
        match catch_unwind(AssertUnwindSafe(|| group.wait())) {
            Ok(result) => assert_eq!((result.is_err(), panics), (fails, false)),
            Err(payload) => assert!(panics && payload.is::<&str>()),
        }
        assert!(
            context.err().is_some(),
            "the end of the group cancels its context"
        );
        assert!(ran.load(Ordering::Relaxed) >= 1);
    }

    /// A callback that runs once, or is stopped.
    fn callback(&mut self, root: &Context, patience: Duration) {
        let (context, cancel) = root.with_timeout(patience);
        let shared = self.shared.clone();
        let stop = context.after_func(move || {
            shared.called.fetch_add(1, Ordering::Relaxed);
        });
        if self.rng.one_in(3) {
            cancel.cancel();
        }
        self.rng.jitter();
        if !(self.rng.one_in(2) && stop.stop()) {
            self.done.callbacks += 1;
        }
    }

    fn once_and_pool(&mut self) {
        let value = self.shared.once.get_or_init(|| {
            self.shared.initialised.fetch_add(1, Ordering::Relaxed);
            csp::yield_now();
            42
        });
        assert_eq!(*value, 42);
        let mut buffer = self.shared.pool.get();
        assert!(buffer.is_empty(), "given back before it was cleared");
        buffer.push(1);
        self.rng.jitter();
        assert_eq!(*buffer, [1]);
        buffer.clear();
    }

    /// Sends or receives as a future, which may be dropped before it is done.
    fn future(&mut self, root: &Context, patience: Duration) {
        let sends = self.rng.one_in(2);
        let message = if sends { self.make() } else { None };
        let (context, _cancel) = root.with_timeout(patience);
        let done = context.done();
        let shared = self.shared.clone();
        match message {
            Some(message) => {
                let id = message.id;
                let sent = csp::block_on(async move {
                    first(shared.tx.send_async(message), done.recv_async()).await
                });
                match sent {
                    Some(sent) => self
                        .done
                        .messages
                        .extend(sent.err().map(|error| error.into_inner().id)),
                    None => self.done.dropped.push(id),
                }
            }
            None => {
                let got =
                    csp::block_on(
                        async move { first(shared.rx.recv_async(), done.recv_async()).await },
                    );
                let got = got.flatten().map(|message| message.id);
                self.done.messages.extend(got);
            }
        }
    }
}

/// The output of `a`, unless `b` is ready and it is not: then `a` is dropped.
async fn first<A: Future, B: Future>(a: A, b: B) -> Option<A::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(output) = a.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        b.as_mut().poll(context).map(|_| None)
    })
    .await
}
