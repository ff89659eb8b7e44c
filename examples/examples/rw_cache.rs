//! A cache behind an `RwLock`: those who find what they look for read it side by side, and only who has to add or
//! change something keeps the others out for a moment.
//!
//! `cargo run --release --example rw_cache` prints
//!
//! ```text
//! 3000 lookups of 10 words by 6 readers: 2990 hits, 10 misses
//! 5 new editions: no reader saw a mixture of two
//! ```

use std::collections::HashMap;

use csp::prelude::*;
use csp::sync::RwLock;
use csp::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const READERS: usize = 6;
const LOOKUPS: usize = 500;
const EDITIONS: u32 = 5;
const WORDS: [&str; 10] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett",
];

/// What is known of a word.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Entry {
    letters: usize,
    /// The edition it comes from.
    edition: u32,
}

#[derive(Default)]
struct Cache {
    entries: RwLock<HashMap<&'static str, Entry>>,
    hits: AtomicUsize,
    misses: AtomicUsize,
}

impl Cache {
    /// The entry of a word, computed if nobody has asked for it before.
    fn get(&self, word: &'static str) -> Entry {
        let known = self.entries.read().get(word).copied();
        if let Some(entry) = known {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return entry;
        }
        let mut entries = self.entries.write();
        // Between the two locks somebody else may have added it: it has to be looked up again.
        let counter = match entries.contains_key(word) {
            true => &self.hits,
            false => &self.misses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        *entries.entry(word).or_insert_with(|| Entry {
            letters: word.len(),
            edition: 0,
        })
    }

    /// Changes all entries. To readers it is one step.
    fn publish(&self, edition: u32) {
        for entry in self.entries.write().values_mut() {
            entry.edition = edition;
        }
    }

    /// The edition that all entries belong to; `None` if they do not belong to the same one.
    fn edition(&self) -> Option<u32> {
        let entries = self.entries.read();
        let mut editions = entries.values().map(|entry| entry.edition);
        let first = editions.next()?;
        editions.all(|edition| edition == first).then_some(first)
    }
}

fn look_up(cache: &Cache, reader: usize) {
    // Each begins at another word, so that they miss different ones at first.
    for word in WORDS.iter().cycle().skip(reader).take(LOOKUPS) {
        assert_eq!(cache.get(word).letters, word.len());
    }
}

/// Reads until told to stop, and returns the newest edition it saw.
fn watch(cache: &Cache, stop: &AtomicBool) -> u32 {
    let mut newest = 0;
    while !stop.load(Ordering::Acquire) {
        let edition = cache.edition().expect("all of one edition");
        assert!(edition >= newest, "{edition} after {newest}");
        newest = edition;
        csp::yield_now();
    }
    cache.edition().expect("all of one edition")
}

#[csp::main]
fn main() {
    let cache = Cache::default();
    scope(|s| {
        for reader in 0..READERS {
            go!(in s => look_up(&cache, reader));
        }
    });
    let hits = cache.hits.load(Ordering::Relaxed);
    let misses = cache.misses.load(Ordering::Relaxed);
    assert_eq!((hits + misses, misses), (READERS * LOOKUPS, WORDS.len()));
    println!(
        "{} lookups of {} words by {READERS} readers: {hits} hits, {misses} misses",
        READERS * LOOKUPS,
        WORDS.len()
    );

    let stop = AtomicBool::new(false);
    scope(|s| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| go!(in s => watch(&cache, &stop)))
            .collect();
        for edition in 1..=EDITIONS {
            cache.publish(edition);
            csp::yield_now();
        }
        stop.store(true, Ordering::Release);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), EDITIONS);
        }
    });
    println!("{EDITIONS} new editions: no reader saw a mixture of two");
}
