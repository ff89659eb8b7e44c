//! A mixed workload that runs until told to stop: `stress [SECONDS] [SEED]`.
//!
//! Rounds follow each other; each builds a few channels of random flavours, starts senders and receivers as goroutines
//! and threads, and disturbs them: timeouts, early closes, changes of the number of Ps, joins, yields, panics. At its
//! end a round knows of every message whether it was delivered or came back to its sender, and that is exactly once.
//!
//! ```text
//!   made ──┬─ send or select ─► received ─┐
//!          └─ error ─────────► returned ──┴─► ledger: each id once, none alive
//! ```
//! A watchdog thread sees a counter that every message moves; when it stands still for a minute the goroutines are listed
//! and the process aborts. The seed is printed; one seed gives one plan, not one interleaving.

use csp::prelude::*;
use csp_tests::{Counted, Ledger, Peer, Peers, Rng, moved, open, watch};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[csp::main]
fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().expect("a number"));
    let seconds = args.next().unwrap_or(10);
    let seed = args.next().unwrap_or_else(|| std::process::id().into());
    println!("stress: {seconds} s, seed {seed}");
    watch("stress");
    let mut rng = Rng::new(seed);
    let (end, mut rounds, mut messages) = (Instant::now() + Duration::from_secs(seconds), 0u64, 0);
    while Instant::now() < end {
        messages += round(&mut rng);
        rounds += 1;
    }
    println!("stress: {rounds} rounds, {messages} messages, each delivered or returned once");
}

/// What every participant of a round shares.
#[derive(Clone)]
struct Round {
    txs: [Sender<Counted>; 3],
    rxs: [Receiver<Counted>; 3],
    ledger: Arc<Ledger>,
    /// The next message to be made.
    next: Arc<AtomicUsize>,
    size: usize,
}

impl Round {
    fn message(&self) -> Option<Counted> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        (id < self.size).then(|| self.ledger.message(id))
    }
}

/// Runs one round and gives the number of its messages.
fn round(rng: &mut Rng) -> usize {
    let size = 100 + rng.below(3000) as usize;
    let flavours = [(); 3]
        .map(|()| [Some(0), Some(0), Some(1), Some(3), Some(64), None][rng.below(6) as usize]);
    let [a, b, c] = flavours.map(open::<Counted>);
    let shared = Round {
        txs: [a.0, b.0, c.0],
        rxs: [a.1, b.1, c.1],
        ledger: Ledger::new(size),
        next: Arc::new(AtomicUsize::new(0)),
        size,
    };
    let start = |body: fn(Round, Rng) -> Vec<usize>, rng: &mut Rng| {
        let (kind, shared, own) = (kind(rng), shared.clone(), Rng::new(rng.bits()));
        kind.spawn(move || body(shared, own))
    };
    let senders: Vec<_> = (0..1 + rng.below(6)).map(|_| start(send, rng)).collect();
    let receivers: Vec<_> = (0..1 + rng.below(6)).map(|_| start(receive, rng)).collect();
    disturb(rng, &shared);
    let mut ids: Vec<usize> = senders.into_iter().flat_map(Peer::join).collect();
    shared.txs.iter().for_each(Sender::close);
    ids.extend(receivers.into_iter().flat_map(Peer::join));
    ids.sort_unstable();
    assert!(
        ids.iter().copied().eq(0..size),
        "messages lost or doubled with {flavours:?}: {} of {size}",
        ids.len()
    );
    assert_eq!((shared.ledger.made(), shared.ledger.live()), (size, 0));
    size
}

fn kind(rng: &mut Rng) -> Peers {
    if rng.one_in(5) {
        Peers::Threads
    } else {
        Peers::Goroutines
    }
}

/// Sends until the messages are used up; gives the numbers of those that came back for good.
fn send(round: Round, mut rng: Rng) -> Vec<usize> {
    let mut returned = Vec::new();
    let [a, b, c] = &round.txs;
    while let Some(mut message) = round.message() {
        moved();
        rng.jitter();
        let error = loop {
            match rng.below(4) {
                0 => break a.send(message).err(),
                1 => match b.send_timeout(message, Duration::from_micros(rng.below(100))) {
                    Ok(()) => break None,
                    Err(csp::SendTimeoutError::Timeout(back)) => message = back,
                    Err(csp::SendTimeoutError::Closed(back)) => break Some(csp::SendError(back)),
                },
                2 => select! {
                    sent = a <- message => break sent.err(),
                    sent = b <- message => break sent.err(),
                    sent = c <- message => break sent.err(),
                },
                _ => select! {
                    biased;
                    sent = c <- message => break sent.err(),
                    sent = b <- message => break sent.err(),
                    _ = <-after(Duration::from_micros(rng.below(60))) => {},
                },
            }
        };
        returned.extend(error.map(|error| error.into_inner().id));
    }
    returned
}

/// Receives until every channel is closed and drained; gives the numbers received.
fn receive(round: Round, mut rng: Rng) -> Vec<usize> {
    let mut received = Vec::new();
    let [mut a, mut b, mut c] = round.rxs.map(Some);
    // The senders of this receiver's copy would keep nothing open (the round closes), but let them go early.
    drop(round.txs);
    loop {
        rng.jitter();
        let patience = Duration::from_micros(rng.below(200));
        let timed = rng.one_in(3) && (a.is_some() || b.is_some() || c.is_some());
        let mut keep = |message: Counted| {
            moved();
            received.push(message.id);
        };
        select! {
            got = <-a => match got { Some(message) => keep(message), None => a = None },
            got = <-b => match got { Some(message) => keep(message), None => b = None },
            got = <-c => match got { Some(message) => keep(message), None => c = None },
            _ = <-after(patience), if timed => {},
            else => break received,
        }
    }
}

/// Does something else to the runtime, or to the channels, while the round runs.
fn disturb(rng: &mut Rng, round: &Round) {
    for _ in 0..rng.below(12) {
        moved();
        match rng.below(7) {
            0 => drop(csp::runtime::gomaxprocs(Some(1 + rng.below(6) as usize))),
            1 if rng.one_in(3) => round.txs[rng.below(3) as usize].close(),
            2 => {
                let (x, y) = join!(1 + 1, {
                    csp::yield_now();
                    2
                });
                assert_eq!(x, y);
            }
            3 => csp::time::sleep(Duration::from_micros(rng.below(300))),
            4 => {
                let wg = WaitGroup::new();
                for _ in 0..rng.below(50) {
                    go!(in wg => { csp::yield_now() });
                }
                wg.wait();
            }
            5 => {
                let n = rng.below(30);
                let total: u64 = scope(|s| {
                    let children: Vec<_> = (0..n).map(|i| go!(in s => { i })).collect();
                    children
                        .into_iter()
                        .map(|child| child.join().expect("it counts"))
                        .sum()
                });
                assert_eq!(total, n * n.saturating_sub(1) / 2);
            }
            _ => csp::yield_now(),
        }
    }
}
