//! A mixed workload of locks, contexts, groups and futures that runs until told to stop: `stress_sync [SECONDS] [SEED]`.
//!
//! Each round makes one of everything, starts workers on goroutines and threads that use all of it under contexts with
//! timeouts, and cancels them at some moment. At its end the books must balance: what was counted under a lock is what
//! its holders did, permits and pooled objects are back, every item and message arrived once or came back, every callback
//! ran or was stopped, every context is done, and no goroutine is left.
//!
//! The seed is printed; one seed gives one plan, not one interleaving. When nothing moves for 20 s the goroutines are
//! listed and the process aborts.

use csp::context::{CancelHandle, Context, ContextError};
use csp::prelude::*;
use csp::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use csp::sync::{Arc, Condvar, ErrGroup, Mutex, OnceLock, Pool, RwLock, Semaphore};
use csp_tests::{Counted, Ledger, Peers, Rng, open, until};
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

/// Moved by every operation; watched by the watchdog.
static PROGRESS: AtomicU64 = AtomicU64::new(0);

/// How long nothing may move.
const STUCK: Duration = Duration::from_secs(20);

/// Permits of a round's semaphore, and the longest its queue may get.
const PERMITS: usize = 5;
const ROOM: usize = 3;

csp::local! {
    /// What the calling goroutine or thread has done in this round.
    static DONE: Cell<u64> = const { Cell::new(0) };
}

#[csp::main]
fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().expect("a number"));
    let seconds = args.next().unwrap_or(10);
    let seed = args.next().unwrap_or_else(|| std::process::id().into());
    println!("stress_sync: {seconds} s, seed {seed}");
    std::thread::spawn(watch);
    let mut rng = Rng::new(seed);
    let (end, mut rounds) = (Instant::now() + Duration::from_secs(seconds), 0_u64);
    let mut total = Totals::default();
    while Instant::now() < end {
        total.add(&round(&mut rng));
        rounds += 1;
    }
    println!("stress_sync: {rounds} rounds, the books balance: {total}");
}

fn watch() {
    let mut last = (PROGRESS.load(Ordering::Relaxed), Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = PROGRESS.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > STUCK {
            eprintln!("stress_sync: nothing moved for {STUCK:?} after {now} steps; goroutines:");
            std::thread::spawn(|| drop(csp::runtime::dump(&mut std::io::stderr())));
            std::thread::sleep(Duration::from_secs(3));
            std::process::abort();
        }
    }
}

fn moved() {
    PROGRESS.fetch_add(1, Ordering::Relaxed);
}

/// What a worker did, as it knows.
#[derive(Default)]
struct Totals {
    operations: u64,
    /// Times it changed what the mutex guards, and what the reader-writer lock guards.
    locked: u64,
    written: u64,
    pushed: u64,
    popped: u64,
    /// Numbers of the messages it received, or got back.
    messages: Vec<usize>,
    /// How many these were in all rounds.
    arrived: usize,
    /// Numbers of those it gave up on in the middle of sending: received by somebody, or dropped.
    dropped: Vec<usize>,
    callbacks: u64,
    timeouts: u64,
    canceled: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.locked += other.locked;
        self.written += other.written;
        self.pushed += other.pushed;
        self.popped += other.popped;
        self.callbacks += other.callbacks;
        self.timeouts += other.timeouts;
        self.canceled += other.canceled;
        self.arrived += other.arrived;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations: {} locked, {} written, {} pushed, {} popped, {} messages, {} callbacks, {} timeouts, {} canceled",
            self.operations,
            self.locked,
            self.written,
            self.pushed,
            self.popped,
            self.arrived,
            self.callbacks,
            self.timeouts,
            self.canceled
        )
    }
}

/// What the workers of a round share.
struct Shared {
    /// Both halves are equal whenever nobody holds the lock.
    mutex: Mutex<(u64, u64)>,
    rwlock: RwLock<(u64, u64)>,
    semaphore: Semaphore,
    /// Permits that are out, by the holders' own count.
    out: AtomicUsize,
    queue: Mutex<Vec<u64>>,
    filled: Condvar,
    emptied: Condvar,
    once: OnceLock<u64>,
    initialised: AtomicUsize,
    pool: Pool<Vec<u8>>,
    /// Callbacks that ran.
    called: AtomicU64,
    tx: Sender<Counted>,
    rx: Receiver<Counted>,
    ledger: Arc<Ledger>,
    next: AtomicUsize,
    size: usize,
}

/// Runs one round.
fn round(rng: &mut Rng) -> Totals {
    let before = csp::runtime::num_goroutine();
    let size = 50 + rng.below(500) as usize;
    let (tx, rx) = open::<Counted>([Some(0), Some(1), Some(16), None][rng.below(4) as usize]);
    let shared = Arc::new(Shared {
        mutex: Mutex::default(),
        rwlock: RwLock::default(),
        semaphore: Semaphore::new(PERMITS),
        out: AtomicUsize::new(0),
        queue: Mutex::default(),
        filled: Condvar::new(),
        emptied: Condvar::new(),
        once: OnceLock::new(),
        initialised: AtomicUsize::new(0),
        pool: Pool::new(Vec::new),
        called: AtomicU64::new(0),
        tx,
        rx,
        ledger: Ledger::new(size),
        next: AtomicUsize::new(0),
        size,
    });
    let (root, cancel) = root(rng);
    let workers: Vec<_> = (0..2 + rng.below(10))
        .map(|_| {
            let (shared, root, own) = (shared.clone(), root.clone(), Rng::new(rng.bits()));
            kind(rng).spawn(move || {
                Worker {
                    shared,
                    rng: own,
                    done: Totals::default(),
                }
                .run(&root)
            })
        })
        .collect();
    disturb(rng);
    cancel.cancel_with("the round is over");
    let mut total = Totals::default();
    let (mut messages, mut dropped) = (Vec::new(), Vec::new());
    for worker in workers {
        let mut done = worker.join();
        total.arrived += done.messages.len();
        messages.append(&mut done.messages);
        dropped.append(&mut done.dropped);
        total.add(&done);
    }
    assert!(root.err().is_some() && root.done().is_closed());
    balance(&shared, &total, messages, &dropped);
    drop(shared);
    until(|| csp::runtime::num_goroutine() <= before);
    total
}

/// A context that may be done by a deadline before it is cancelled.
fn root(rng: &mut Rng) -> (Context, CancelHandle) {
    let base = Context::background().with_value(7_u32);
    match rng.below(3) {
        0 => base.with_timeout(Duration::from_millis(rng.below(30))),
        1 => base.with_deadline(Instant::now() + Duration::from_secs(3600)),
        _ => base.with_cancel(),
    }
}

/// Holds what is shared against what the workers did.
fn balance(shared: &Shared, total: &Totals, mut messages: Vec<usize>, dropped: &[usize]) {
    assert_eq!(*shared.mutex.lock(), (total.locked, total.locked));
    assert_eq!(*shared.rwlock.read(), (total.written, total.written));
    assert_eq!(shared.semaphore.available_permits(), PERMITS);
    let left = shared.queue.lock().len() as u64;
    assert_eq!(total.pushed, total.popped + left);
    assert!(shared.initialised.load(Ordering::Relaxed) <= 1);
    assert_eq!(
        shared.once.get().is_some(),
        shared.initialised.load(Ordering::Relaxed) == 1
    );
    until(|| shared.called.load(Ordering::Relaxed) == total.callbacks);
    messages.extend(shared.rx.try_iter().map(|message| message.id));
    messages.sort_unstable();
    assert!(messages.is_sorted_by(|a, b| a < b), "a message came twice");
    let lost = |id: &usize| messages.binary_search(id).is_err() && !dropped.contains(id);
    let lost: Vec<_> = (0..shared.ledger.made()).filter(lost).collect();
    assert!(lost.is_empty(), "messages lost: {lost:?}");
    assert_eq!(shared.ledger.live(), 0);
}

fn kind(rng: &mut Rng) -> Peers {
    if rng.one_in(6) {
        Peers::Threads
    } else {
        Peers::Goroutines
    }
}

/// Lets the round go on for a while.
fn disturb(rng: &mut Rng) {
    for _ in 0..rng.below(20) {
        match rng.below(4) {
            0 => drop(csp::runtime::gomaxprocs(Some(1 + rng.below(6) as usize))),
            1 => csp::time::sleep(Duration::from_micros(rng.below(2000))),
            _ => csp::yield_now(),
        }
    }
}

/// One of those who use everything.
struct Worker {
    shared: Arc<Shared>,
    rng: Rng,
    done: Totals,
}

impl Worker {
    fn run(mut self, root: &Context) -> Totals {
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
