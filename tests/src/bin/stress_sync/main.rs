//! A mixed workload of locks, contexts, groups and futures that runs until told to stop: `stress_sync [SECONDS] [SEED]`.
//!
//! Each round makes one of everything, starts workers on goroutines and threads that use all of it under contexts with
//! timeouts, and cancels them at some moment. At its end the books must balance: what was counted under a lock is what
//! its holders did, permits and pooled objects are back, every item and message arrived once or came back, every callback
//! ran or was stopped, every context is done, and no goroutine is left.
//!
//! The seed is printed; one seed gives one plan, not one interleaving. When nothing moves for a minute the goroutines are
//! listed and the process aborts.

mod worker;

use csp::context::{CancelHandle, Context};
use csp::prelude::*;
use csp::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use csp::sync::{Arc, Condvar, Mutex, OnceLock, Pool, RwLock, Semaphore};
use csp_tests::{Counted, Ledger, Peers, Rng, open, until, watch};
use std::fmt;
use std::time::Instant;

use worker::Worker;

/// Permits of a round's semaphore, and the longest its queue may get.
const PERMITS: usize = 5;
const ROOM: usize = 3;

#[csp::main]
fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().expect("a number"));
    let seconds = args.next().unwrap_or(10);
    let seed = args.next().unwrap_or_else(|| std::process::id().into());
    println!("stress_sync: {seconds} s, seed {seed}");
    watch("stress_sync");
    let mut rng = Rng::new(seed);
    let (end, mut rounds) = (Instant::now() + Duration::from_secs(seconds), 0_u64);
    let mut total = Totals::default();
    while Instant::now() < end {
        total.add(&round(&mut rng));
        rounds += 1;
    }
    println!("stress_sync: {rounds} rounds, the books balance: {total}");
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
            kind(rng).spawn(move || Worker::new(shared, own).run(&root))
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
