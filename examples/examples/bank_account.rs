//! Transfers between accounts, each behind a `Mutex` of its own. A transfer holds two of them, and takes the one with
//! the lower number first: two transfers in opposite directions cannot wait for each other.
//!
//! `cargo run --release --example bank_account` prints
//!
//! ```text
//! 2500 of 1000 cents: refused, the account holds 1000
//! 8000 transfers by 8 goroutines, none of them lost a cent
//! every audit found 5000 cents
//! ```

use std::fmt;

use csp::prelude::*;
use csp::sync::Mutex;
use csp::sync::atomic::{AtomicBool, Ordering};

const ACCOUNTS: usize = 5;
/// What is in each account at first, in cents.
const OPENING: u64 = 1000;
const CLERKS: u64 = 8;
const TRANSFERS: u64 = 1000;

/// More was asked for than the account holds.
#[derive(Debug, PartialEq)]
struct Overdraft {
    balance: u64,
}

impl fmt::Display for Overdraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the account holds {}", self.balance)
    }
}

struct Bank {
    /// Balances in cents.
    accounts: [Mutex<u64>; ACCOUNTS],
}

impl Bank {
    fn open() -> Self {
        Bank {
            accounts: std::array::from_fn(|_| Mutex::new(OPENING)),
        }
    }

    fn transfer(&self, from: usize, to: usize, amount: u64) -> Result<(), Overdraft> {
        if from == to {
            // Locking the same mutex twice would wait for ever.
            return Ok(());
        }
        let mut low = self.accounts[from.min(to)].lock();
        let mut high = self.accounts[from.max(to)].lock();
        let (source, target) = if from < to {
            (&mut *low, &mut *high)
        } else {
            (&mut *high, &mut *low)
        };
        let rest = source.checked_sub(amount);
        *source = rest.ok_or(Overdraft { balance: *source })?;
        *target += amount;
        Ok(())
    }

    /// The sum at one moment: no transfer is half done while all accounts are held, in the same order as ever.
    fn total(&self) -> u64 {
        let held: Vec<_> = self.accounts.iter().map(|account| account.lock()).collect();
        held.iter().map(|balance| **balance).sum()
    }
}

/// Moves random amounts between random accounts, and returns how many transfers were made or refused.
fn work(bank: &Bank, seed: u64) -> (u64, u64) {
    let mut state = seed;
    let mut random = |below: u64| {
        // Knuth's linear congruential generator: the upper bits are random enough here.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut made, mut refused) = (0, 0);
    for _ in 0..TRANSFERS {
        let (from, to) = (random(ACCOUNTS as u64), random(ACCOUNTS as u64));
        match bank.transfer(from as usize, to as usize, random(OPENING)) {
            Ok(()) => made += 1,
            Err(Overdraft { .. }) => refused += 1,
        }
    }
    (made, refused)
}

#[csp::main]
fn main() {
    let bank = Bank::open();
    let overdraft = bank.transfer(0, 1, 2500).unwrap_err();
    assert_eq!(overdraft, Overdraft { balance: OPENING });
    println!("2500 of {OPENING} cents: refused, {overdraft}");

    let closing = AtomicBool::new(false);
    let expected = OPENING * ACCOUNTS as u64;
    let done = scope(|s| {
        let auditor = go!(in s, ref(bank, closing) => {
            while !closing.load(Ordering::Relaxed) {
                assert_eq!(bank.total(), expected);
                csp::yield_now();
            }
        });
        let clerks: Vec<_> = (1..=CLERKS).map(|n| go!(in s => work(&bank, n))).collect();
        let mut done = (0, 0);
        for clerk in clerks {
            let (made, refused) = clerk.join().unwrap();
            done = (done.0 + made, done.1 + refused);
        }
        closing.store(true, Ordering::Relaxed);
        auditor.join().unwrap();
        done
    });
    assert_eq!(done.0 + done.1, CLERKS * TRANSFERS);
    assert_eq!(bank.total(), expected);
    println!(
        "{} transfers by {CLERKS} goroutines, none of them lost a cent",
        done.0 + done.1
    );
    println!("every audit found {expected} cents");
}
