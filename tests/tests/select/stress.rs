//! Many selects against many selects: every message arrives exactly once and is dropped exactly once.
//!
//! `CSP_STRESS_MESSAGES` sets the number of messages of each test; `CSP_STRESS_SEED` the seed, printed at the start.

use csp::{Receiver, Sender, select};
use csp_tests::{Counted, LIMIT, Ledger, Peers, Rng, open, with_procs, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Messages of each run; a test makes several runs.
fn messages() -> usize {
    number("CSP_STRESS_MESSAGES", 20_000)
}

fn seed() -> u64 {
    let seed = number("CSP_STRESS_SEED", 1);
    println!("CSP_STRESS_SEED={seed}");
    seed as u64
}

type Wires = (Vec<Sender<Counted>>, Vec<Receiver<Counted>>);

fn wires(flavours: &[Option<usize>]) -> Wires {
    flavours.iter().map(|flavour| open(*flavour)).unzip()
}

/// Sends message `id` over any of the four channels.
fn send_any(txs: &[Sender<Counted>], message: Counted) {
    select! {
        txs[0] <- message => {},
        txs[1] <- message => {},
        txs[2] <- message => {},
        txs[3] <- message => {},
    }
}

/// Receives from any of the four channels; `None` when all are closed and drained.
fn recv_any(rxs: &[Receiver<Counted>]) -> Option<Counted> {
    select! {
        Some(message) = <-rxs[0] => Some(message),
        Some(message) = <-rxs[1] => Some(message),
        Some(message) = <-rxs[2] => Some(message),
        Some(message) = <-rxs[3] => Some(message),
        else => None,
    }
}

/// Hands out the numbers below `n`, each once.
struct Ids(AtomicUsize, usize);

impl Ids {
    fn take(&self) -> Option<usize> {
        let id = self.0.fetch_add(1, Ordering::Relaxed);
        (id < self.1).then_some(id)
    }
}

/// Runs `n` messages from `senders` to `receivers` over four channels, half of them threads if `mixed`.
fn run(
    n: usize,
    senders: usize,
    receivers: usize,
    flavours: &[Option<usize>; 4],
    mixed: bool,
    seed: u64,
) {
    let kind = |i: usize| {
        if mixed && i % 2 == 1 {
            Peers::Threads
        } else {
            Peers::Goroutines
        }
    };
    let ledger = Ledger::new(n);
    let ids = Arc::new(Ids(AtomicUsize::new(0), n));
    let (txs, rxs) = wires(flavours);
    let sending: Vec<_> = (0..senders)
        .map(|i| {
            let (txs, ids, ledger) = (txs.clone(), Arc::clone(&ids), ledger.clone());
            let mut rng = Rng::new(seed + i as u64);
            kind(i).spawn(move || {
                while let Some(id) = ids.take() {
                    send_any(&txs, ledger.message(id));
                    rng.jitter();
                }
            })
        })
        .collect();
    let receiving: Vec<_> = (0..receivers)
        .map(|i| {
            let rxs = rxs.clone();
            let mut rng = Rng::new(seed + 1000 + i as u64);
            kind(i + 1).spawn(move || {
                let mut seen = Vec::new();
                while let Some(message) = recv_any(&rxs) {
                    seen.push(message.id);
                    rng.jitter();
                }
                seen
            })
        })
        .collect();
    drop((txs, rxs));
    sending.into_iter().for_each(csp_tests::Peer::join);
    let mut seen: Vec<_> = receiving
        .into_iter()
        .flat_map(csp_tests::Peer::join)
        .collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..n), "a message was lost or doubled");
    assert_eq!((ledger.made(), ledger.live()), (n, 0));
}

#[test]
fn rendezvous_selects_deliver_exactly_once() {
    let seed = seed();
    with_procs(&[1, 2, 4, 16], |_| {
        within(LIMIT, || run(messages(), 4, 4, &[Some(0); 4], false, seed))
    });
}

#[test]
fn buffered_selects_deliver_exactly_once() {
    let seed = seed();
    let flavours = [Some(1), Some(0), None, Some(7)];
    with_procs(&[1, 2, 4], |_| {
        within(LIMIT, || run(messages(), 5, 3, &flavours, false, seed))
    });
}

#[test]
fn threads_and_goroutines_deliver_exactly_once() {
    let seed = seed();
    let flavours = [Some(0), Some(2), None, Some(0)];
    with_procs(&[1, 2, 4], |_| {
        within(LIMIT, || run(messages() / 4, 4, 4, &flavours, true, seed))
    });
}

#[test]
fn random_closes_lose_only_what_the_senders_get_back() {
    let seed = seed();
    with_procs(&[1, 2, 4], |_| {
        within(LIMIT, || {
            for round in 0..40 {
                closes(messages() / 200, seed + round);
            }
        });
    });
}

/// Sends until the channels are closed at a random moment; what was not delivered must have come back.
fn closes(n: usize, seed: u64) {
    let ledger = Ledger::new(n);
    let ids = Arc::new(Ids(AtomicUsize::new(0), n));
    let (txs, rxs) = wires(&[Some(0), Some(1), None, Some(0)]);
    let sending: Vec<_> = (0..3)
        .map(|_| {
            let (txs, ids, ledger) = (txs.clone(), Arc::clone(&ids), ledger.clone());
            csp::go!({
                let mut back = Vec::new();
                while let Some(id) = ids.take() {
                    let message = ledger.message(id);
                    let sent = select! {
                        sent = txs[0] <- message => sent,
                        sent = txs[1] <- message => sent,
                        sent = txs[2] <- message => sent,
                        sent = txs[3] <- message => sent,
                    };
                    back.extend(sent.err().map(|error| error.into_inner().id));
                }
                back
            })
        })
        .collect();
    let receiving: Vec<_> = (0..3)
        .map(|_| {
            let rxs = rxs.clone();
            csp::go!({
                let mut seen = Vec::new();
                while let Some(message) = recv_any(&rxs) {
                    seen.push(message.id);
                }
                seen
            })
        })
        .collect();
    let mut rng = Rng::new(seed);
    for _ in 0..rng.below(60) {
        csp::yield_now();
    }
    txs.iter().for_each(Sender::close);
    drop((txs, rxs));
    let mut all: Vec<_> = sending
        .into_iter()
        .chain(receiving)
        .flat_map(|handle| handle.join().unwrap())
        .collect();
    all.sort_unstable();
    assert!(
        all.into_iter().eq(0..n),
        "seed {seed}: a message was lost or doubled"
    );
    assert_eq!(ledger.live(), 0);
}

#[test]
fn random_timeouts_lose_nothing() {
    let seed = seed();
    with_procs(&[1, 2, 4], |_| {
        within(LIMIT, || timeouts(messages() / 10, seed))
    });
}

fn timeouts(n: usize, seed: u64) {
    let ledger = Ledger::new(n);
    let ids = Arc::new(Ids(AtomicUsize::new(0), n));
    let (txs, rxs) = wires(&[Some(0), Some(1)]);
    let sending: Vec<_> = (0..3)
        .map(|i| {
            let (txs, ids, ledger) = (txs.clone(), Arc::clone(&ids), ledger.clone());
            let mut rng = Rng::new(seed + i);
            csp::go!({
                while let Some(id) = ids.take() {
                    let message = ledger.message(id);
                    loop {
                        select! {
                            txs[0] <- message => break,
                            txs[1] <- message => break,
                            _ = <-csp::time::after(Duration::from_micros(rng.below(50))) => {},
                        }
                    }
                }
            })
        })
        .collect();
    let receiving: Vec<_> = (0..3)
        .map(|i| {
            let rxs = rxs.clone();
            let mut rng = Rng::new(seed + 100 + i);
            csp::go!({
                let mut seen = Vec::new();
                let mut open = [Some(&rxs[0]), Some(&rxs[1])];
                loop {
                    let running = open.iter().any(Option::is_some);
                    select! {
                        got = <-open[0] => match got {
                            Some(message) => seen.push(message.id),
                            None => open[0] = None,
                        },
                        got = <-open[1] => match got {
                            Some(message) => seen.push(message.id),
                            None => open[1] = None,
                        },
                        _ = <-csp::time::after(Duration::from_micros(rng.below(50))), if running => {},
                        else => break seen,
                    }
                }
            })
        })
        .collect();
    sending
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
    txs.iter().for_each(Sender::close);
    let mut seen: Vec<_> = receiving
        .into_iter()
        .flat_map(|handle| handle.join().unwrap())
        .collect();
    seen.sort_unstable();
    assert!(
        seen.into_iter().eq(0..n),
        "seed {seed}: a message was lost or doubled"
    );
    assert_eq!((ledger.made(), ledger.live()), (n, 0));
}
