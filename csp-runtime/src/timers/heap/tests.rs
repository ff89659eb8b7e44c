//! Order, staleness, sweeps and growth of the heap, against a reference and by hand.
//!
//! The races for a ticket are explored by the models beside the code.

use super::{BATCH, Entry, MIN_STALE, NEVER, NonNull, Sleeper, TIMEOUT, Ticket, TimerHeap, Wait};
use crate::primitive::rng::Rng;
use std::collections::BTreeMap;

struct Goroutine {
    ticket: Ticket,
    id: usize,
}

// SAFETY: the goroutines of every test outlive the use of its heaps, and are never borrowed
// mutably.
unsafe impl Sleeper for Goroutine {
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }
}

fn goroutines(count: usize) -> Vec<Goroutine> {
    (0..count)
        .map(|id| Goroutine {
            ticket: Ticket::new(),
            id,
        })
        .collect()
}

/// Opens a wait and inserts its deadline.
fn sleep(heap: &TimerHeap<Goroutine>, g: &Goroutine, when: u64) -> (Wait, bool) {
    let wait = g.ticket.open();
    (wait, heap.insert(when, wait, NonNull::from(g)))
}

fn fire(heap: &TimerHeap<Goroutine>, now: u64, max: usize) -> (Vec<usize>, u64) {
    let mut fired = Vec::new();
    let next = heap.pop_due(now, max, &mut |g| {
        assert!(heap.entries.try_lock().is_some(), "fired outside the lock");
        // SAFETY: the goroutines of every test outlive its heaps' use.
        fired.push(unsafe { g.as_ref() }.id);
    });
    (fired, next)
}

fn assert_heap(heap: &TimerHeap<Goroutine>) {
    assert!(super::order::is_heap(&heap.entries.lock()));
}

#[test]
fn an_entry_has_24_bytes() {
    assert_eq!(size_of::<Entry<Goroutine>>(), 24);
}

#[test]
fn deadlines_fire_in_order_and_not_before() {
    let gs = goroutines(4);
    let heap = TimerHeap::new();
    assert_eq!(heap.next(), NEVER);
    let earliest: Vec<_> = [30, 10, 20, 10]
        .into_iter()
        .zip(&gs)
        .map(|(when, g)| sleep(&heap, g, when).1)
        .collect();
    assert_eq!(earliest, [true, true, false, false]);
    assert_eq!((heap.next(), heap.len()), (10, 4));
    assert_eq!(fire(&heap, 9, 8), (vec![], 10));
    let (mut tie, next) = fire(&heap, 10, 8);
    tie.sort_unstable();
    assert_eq!((tie, next), (vec![1, 3], 20));
    assert_eq!(fire(&heap, u64::MAX - 1, 8), (vec![2, 0], NEVER));
    assert_eq!(gs[2].ticket.winner(gs[2].ticket.open()), None);
}

#[test]
fn a_fired_wait_was_ended_by_its_timeout() {
    let gs = goroutines(1);
    let heap = TimerHeap::new();
    let (wait, _) = sleep(&heap, &gs[0], 5);
    assert_eq!(fire(&heap, 5, 1).0, [0]);
    assert_eq!(gs[0].ticket.close(wait), Some(TIMEOUT));
}

#[test]
fn max_bounds_what_fires_and_the_next_deadline_stays_due() {
    let gs = goroutines(3 * BATCH);
    let heap = TimerHeap::new();
    for g in &gs {
        sleep(&heap, g, g.id as u64);
    }
    let some = BATCH + 3;
    assert_eq!(fire(&heap, 1_000, some), ((0..some).collect(), some as u64));
    assert_eq!(fire(&heap, 1_000, 0), (vec![], some as u64));
    assert_eq!(
        fire(&heap, 1_000, usize::MAX),
        ((some..3 * BATCH).collect(), NEVER)
    );
}

#[test]
fn a_stale_entry_does_not_fire() {
    let gs = goroutines(2);
    let heap = TimerHeap::new();
    let (wait, _) = sleep(&heap, &gs[0], 1);
    assert!(gs[0].ticket.claim(wait, 3));
    gs[0].ticket.close(wait);
    heap.note_stale();
    // The same goroutine waits again: only the newer deadline counts.
    sleep(&heap, &gs[0], 4);
    sleep(&heap, &gs[1], 2);
    assert_eq!(fire(&heap, 3, 8), (vec![1], 4));
    assert_eq!(fire(&heap, 4, 8), (vec![0], NEVER));
    assert_eq!(heap.stale.load(super::Ordering::Relaxed), 0);
}

#[test]
fn more_stale_entries_than_a_batch_are_skipped() {
    let gs = goroutines(5 * BATCH);
    let heap = TimerHeap::new();
    for g in &gs {
        let (wait, _) = sleep(&heap, g, 1);
        assert_eq!(gs[g.id].ticket.close(wait), None);
    }
    let alive = goroutines(1);
    sleep(&heap, &alive[0], 2);
    assert_eq!(fire(&heap, 2, 1), (vec![0], NEVER));
}

#[test]
fn stale_entries_are_swept_once_they_are_the_majority() {
    let gs = goroutines(1_000);
    let heap = TimerHeap::new();
    let mut most = 0;
    for round in 0..50 {
        for g in &gs {
            let (wait, _) = sleep(&heap, g, 1_000_000 + round);
            most = most.max(heap.len());
            if g.id % 100 != 0 || round != 49 {
                assert!(g.ticket.claim(wait, 0));
                heap.note_stale();
            }
        }
    }
    assert!(most <= 2 * MIN_STALE + 2, "{most} entries for one live one");
    assert_heap(&heap);
    assert_eq!(fire(&heap, NEVER - 1, usize::MAX).0.len(), 10);
    assert_eq!(heap.len(), 0);
}

#[test]
fn a_sweep_corrects_the_next_deadline() {
    let gs = goroutines(MIN_STALE + 2);
    let heap = TimerHeap::new();
    for g in &gs[..=MIN_STALE] {
        let (wait, _) = sleep(&heap, g, 1);
        assert!(g.ticket.claim(wait, 0));
        heap.note_stale();
    }
    let (_, earliest) = sleep(&heap, &gs[MIN_STALE + 1], 9);
    assert!(earliest);
    assert_eq!((heap.next(), heap.len()), (9, 1));
}

#[test]
fn endless_deadlines_take_no_entry_and_distant_ones_wait() {
    let gs = goroutines(3);
    let heap = TimerHeap::new();
    let (wait, earliest) = sleep(&heap, &gs[0], NEVER);
    assert!(!earliest && gs[0].ticket.is_open(wait));
    assert_eq!((heap.len(), heap.next()), (0, NEVER));
    assert!(sleep(&heap, &gs[1], NEVER - 1).1);
    assert!(sleep(&heap, &gs[2], 1).1);
    assert_eq!(fire(&heap, NEVER - 2, 8), (vec![2], NEVER - 1));
}

#[test]
fn draining_moves_the_live_entries() {
    let gs = goroutines(300);
    let (from, to) = (TimerHeap::new(), TimerHeap::new());
    for g in &gs {
        let heap = if g.id % 3 == 0 { &to } else { &from };
        let (wait, _) = sleep(heap, g, 1_000 - g.id as u64);
        if g.id % 5 == 0 {
            g.ticket.close(wait);
        }
    }
    assert!(from.drain_into(&to));
    assert_eq!((from.len(), from.next()), (0, NEVER));
    assert_heap(&to);
    let expected: Vec<_> = (0..300).rev().filter(|id| id % 5 != 0).collect();
    assert_eq!(fire(&to, NEVER - 1, usize::MAX), (expected, NEVER));
    assert!(!from.drain_into(&to));
}

#[test]
fn a_full_heap_says_so_and_takes_what_it_is_given() {
    let gs = goroutines(1);
    let heap = TimerHeap::new();
    let (wait, g) = (gs[0].ticket.open(), NonNull::from(&gs[0]));
    let full = heap
        .try_insert(7, wait, g)
        .expect_err("nothing allocated yet");
    drop(heap.install(full.allocate()));
    let smaller = heap.install(full.allocate());
    assert_eq!(
        smaller.0.capacity(),
        super::FIRST_ROOM,
        "no use for a second one"
    );
    assert_eq!(heap.try_insert(7, wait, g), Ok(true));
}

#[test]
fn random_operations_agree_with_a_btree() {
    let gs = goroutines(512);
    let heap = TimerHeap::new();
    let mut rng = Rng::new(2024);
    // The reference: what is due, by deadline; and the open wait of each goroutine.
    let mut due: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut open: Vec<Option<(Wait, u64)>> = vec![None; gs.len()];
    let mut now = 0_u64;
    for _ in 0..50_000 {
        let id = rng.below(512) as usize;
        match (rng.below(8), open[id]) {
            (0, _) => {
                now += u64::from(rng.below(40));
                let (mut fired, next) = fire(&heap, now, usize::MAX);
                let later = due.split_off(&(now + 1));
                let mut expected: Vec<_> = due.into_values().flatten().collect();
                due = later;
                fired.iter().for_each(|&id| {
                    let (_, when) = open[id].take().expect("was waiting");
                    assert!(when <= now);
                });
                fired.sort_unstable();
                expected.sort_unstable();
                assert_eq!(fired, expected);
                assert!(due.keys().next().is_none_or(|&first| next <= first));
            }
            (1, Some((wait, when))) => {
                assert!(gs[id].ticket.claim(wait, 0));
                heap.note_stale();
                open[id] = None;
                let same = due.get_mut(&when).expect("was inserted");
                same.retain(|&other| other != id);
                if same.is_empty() {
                    due.remove(&when);
                }
            }
            (_, None) => {
                let when = now + 1 + u64::from(rng.below(500));
                open[id] = Some((sleep(&heap, &gs[id], when).0, when));
                due.entry(when).or_default().push(id);
            }
            _ => {}
        }
    }
    assert_heap(&heap);
}

#[test]
fn a_hundred_thousand_deadlines_fire_in_order() {
    let gs = goroutines(100_000);
    let heap = TimerHeap::new();
    let mut rng = Rng::new(7);
    let whens: Vec<_> = gs.iter().map(|_| rng.next() >> 1).collect();
    for (g, &when) in gs.iter().zip(&whens) {
        sleep(&heap, g, when);
    }
    let (fired, next) = fire(&heap, NEVER - 1, usize::MAX);
    assert_eq!((fired.len(), next), (gs.len(), NEVER));
    assert!(fired.is_sorted_by_key(|&id| whens[id]));
}

#[test]
fn concurrent_insertions_and_firings_lose_nothing() {
    let gs = goroutines(20_000);
    let heap = TimerHeap::new();
    let fired = std::sync::atomic::AtomicUsize::new(0);
    let (heap, gs) = (&heap, &gs);
    let count = &|| fired.fetch_add(fire_unchecked(heap), std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        for part in gs.chunks(5_000) {
            scope.spawn(move || {
                for g in part {
                    sleep(heap, g, 1 + g.id as u64 % 97);
                    if g.id % 64 == 0 {
                        count();
                    }
                }
            });
        }
    });
    count();
    assert_eq!(fired.load(std::sync::atomic::Ordering::Relaxed), gs.len());
}

/// Fires everything, while others may hold the lock; returns how many.
fn fire_unchecked(heap: &TimerHeap<Goroutine>) -> usize {
    let mut fired = 0;
    heap.pop_due(NEVER - 1, usize::MAX, &mut |_| fired += 1);
    fired
}
