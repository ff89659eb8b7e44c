//! Two goroutines spell the alphabet three times each, one in lower and one in upper case: first on
//! one P, where they only take turns, then on two, where their letters may mix.
//!
//! `cargo run --release --example alphabets`; what it prints differs from run to run.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use csp::prelude::*;
use csp::runtime::{gomaxprocs, yield_now};

const ROUNDS: usize = 3;

fn spell(page: Arc<Mutex<String>>, letters: RangeInclusive<char>) {
    for _ in 0..ROUNDS {
        for letter in letters.clone() {
            page.lock().unwrap().push(letter);
        }
        yield_now();
    }
}

fn spell_both(ps: usize) -> String {
    gomaxprocs(Some(ps));
    let page = Arc::new(Mutex::new(String::new()));
    let wg = WaitGroup::new();
    go!(in wg, clone(page) => spell(page, 'a'..='z'));
    go!(in wg, clone(page) => spell(page, 'A'..='Z'));
    wg.wait();
    page.lock().unwrap().clone()
}

#[csp::main]
fn main() {
    let lower = ('a'..='z').collect::<String>().repeat(ROUNDS);
    for ps in [1, 2] {
        let page = spell_both(ps);
        println!("GOMAXPROCS {ps}: {page}");

        // However they mix, each goroutine's own letters keep their order.
        let (small, capital): (String, String) = page.chars().partition(char::is_ascii_lowercase);
        assert_eq!(small, lower);
        assert_eq!(capital, lower.to_uppercase());
    }
}
