//! Counting in many goroutines: with atomics, which never wait, and with a `Mutex`, which can keep several numbers
//! together. Both count the same.
//!
//! `cargo run --release --example atomics_counter` prints
//!
//! ```text
//! atomics: 80000 words, 360000 letters, the longest has 8
//! mutex:   80000 words, 360000 letters, the longest has 8
//! 8 goroutines found a word of 8 letters, one was the first
//! ```

use csp::prelude::*;
use csp::sync::Mutex;
use csp::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const GOROUTINES: usize = 8;
const WORDS: usize = 10_000;

/// Each number for itself: whoever reads while others count may see them at different moments.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static LETTERS: AtomicUsize = AtomicUsize::new(0);
static LONGEST: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicBool = AtomicBool::new(false);

/// The same numbers, which change together.
static TOTALS: Mutex<Totals> = Mutex::new(Totals {
    count: 0,
    letters: 0,
    longest: 0,
});

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Totals {
    count: usize,
    letters: usize,
    longest: usize,
}

/// Counts the words of one goroutine, and says whether it was the first of all to find one of eight letters.
fn count() -> bool {
    let mut first = false;
    // Nothing else is published by these numbers, so that no order is asked for: joining gives it.
    for length in (1..=8).cycle().take(WORDS) {
        COUNT.fetch_add(1, Ordering::Relaxed);
        LETTERS.fetch_add(length, Ordering::Relaxed);
        LONGEST.fetch_max(length, Ordering::Relaxed);
        if length == 8 {
            first |= !FOUND.swap(true, Ordering::Relaxed);
        }

        let mut totals = TOTALS.lock();
        totals.count += 1;
        totals.letters += length;
        totals.longest = totals.longest.max(length);
    }
    first
}

#[csp::main]
fn main() {
    let goroutines: Vec<_> = (0..GOROUTINES).map(|_| go!(count())).collect();
    let winners = goroutines.into_iter().map(|g| g.join().unwrap());
    let winners = winners.filter(|&first| first).count();

    let counted = Totals {
        count: COUNT.load(Ordering::Relaxed),
        letters: LETTERS.load(Ordering::Relaxed),
        longest: LONGEST.load(Ordering::Relaxed),
    };
    let totals = *TOTALS.lock();
    for (how, totals) in [("atomics:", counted), ("mutex:  ", totals)] {
        let Totals {
            count,
            letters,
            longest,
        } = totals;
        println!("{how} {count} words, {letters} letters, the longest has {longest}");
    }
    assert_eq!(counted, totals);
    assert_eq!(counted.count, GOROUTINES * WORDS);
    assert_eq!(winners, 1);
    println!("{GOROUTINES} goroutines found a word of 8 letters, one was the first");
}
