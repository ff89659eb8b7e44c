//! What is known of the goroutines that a `go!` starts: whether they let others have their thread.
//!
//! A small table of code locations. An entry is a location's address and a number of faults:
//!
//! | a goroutine from there | faults |
//! |---|---|
//! | ended, or waited when it was due to be looked at (`home`) | one less |
//! | was stopped by a signal, within its time slice | [`SHORT`] more |
//! | had its thread for longer | [`LONG`] more |
//!
//! A location is trusted if it has an entry, with fewer than [`TOO_MANY`]; one that begins with a fault begins with as
//! many as that. So one that starts a goroutine which computes for ever is not trusted while that one is stopped again and
//! again; and one that was blamed once for what a busy machine did is trusted again a thousand good goroutines later.
//!
//! Written by the loops of Ms and by sysmon, each entry with a CAS that is not tried again. What is lost when two write
//! at once, or when more locations meet than there is room for, is a word about one goroutine, or a whole entry, which
//! starts anew. A location that two note for the first time at once may have two entries; the first of them counts.

use core::panic::Location;

use crate::primitive::sync::{AtomicU64, Ordering};

/// Faults of a goroutine that was stopped by a signal, within its time slice because another was in a hurry.
pub(super) const SHORT: u64 = 10;
/// Faults of one that kept its thread for the time slice and longer.
pub(super) const LONG: u64 = 1_000;
/// From so many on, a location is not trusted.
const TOO_MANY: u64 = 10 * SHORT;
/// No more are counted.
const MOST: u64 = 10 * LONG;

/// Entries; a power of two.
const ENTRIES: usize = 1024;
/// Entries that a location may be in.
const REACH: usize = 4;

/// Bits of an entry that are the faults.
const FAULT_BITS: u32 = 16;
const FAULTS: u64 = (1 << FAULT_BITS) - 1;

/// Addresses of locations are multiples of this.
const ALIGN: usize = align_of::<Location<'static>>();
/// They lie side by side, so many of these apart.
const WORDS: usize = size_of::<Location<'static>>() / ALIGN;

const _: () = assert!(ENTRIES.is_power_of_two() && MOST <= FAULTS);

/// What is known of locations.
struct Table([AtomicU64; ENTRIES]);

static TABLE: Table = Table::new();

/// Whether goroutines from `site` are known to let others have their thread.
pub(super) fn is_trusted(site: &'static Location<'static>) -> bool {
    TABLE.is_trusted(site)
}

/// A goroutine from `site` has let others have its thread.
pub(super) fn trust(site: &'static Location<'static>) {
    TABLE.trust(site);
}

/// A goroutine from `site` has not: `more` is [`SHORT`] or [`LONG`].
pub(super) fn distrust(site: &'static Location<'static>, more: u64) {
    TABLE.distrust(site, more);
}

impl Table {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; ENTRIES])
    }

    fn is_trusted(&self, site: &'static Location<'static>) -> bool {
        let wanted = key(site);
        self.entries(wanted)
            .map(|entry| entry.load(Ordering::Relaxed))
            .find(|now| now & !FAULTS == wanted)
            .is_some_and(|now| now & FAULTS < TOO_MANY)
    }

    fn trust(&self, site: &'static Location<'static>) {
        self.change(site, |faults| faults.unwrap_or(0).saturating_sub(1));
    }

    fn distrust(&self, site: &'static Location<'static>, more: u64) {
        self.change(site, |faults| (faults.unwrap_or(TOO_MANY) + more).min(MOST));
    }

    /// Sets the faults of `site`, if it has an entry, to what `f` makes of them, or takes an entry for it.
    fn change(&self, site: &'static Location<'static>, f: impl FnOnce(Option<u64>) -> u64) {
        let wanted = key(site);
        let (entry, before) = self.entry_of(wanted);
        let faults = (before & !FAULTS == wanted).then_some(before & FAULTS);
        let after = wanted | f(faults);
        // As a rule there is nothing to write: the line stays shared between the processors.
        if after != before {
            let _ = entry.compare_exchange(before, after, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The entry of this key, or the one that it takes, with what is there: an empty one if there is any.
    fn entry_of(&self, key: u64) -> (&AtomicU64, u64) {
        let find = |wanted: u64| {
            self.entries(key)
                .map(|entry| (entry, entry.load(Ordering::Relaxed)))
                .find(|(_, now)| now & !FAULTS == wanted)
        };
        find(key).or_else(|| find(0)).unwrap_or_else(|| {
            let first = self.entries(key).next().expect("there are some");
            (first, first.load(Ordering::Relaxed))
        })
    }

    /// The entries that the location with this key may be in.
    fn entries(&self, key: u64) -> impl Iterator<Item = &AtomicU64> {
        let first = (key >> FAULT_BITS) as usize / WORDS;
        (first..first + REACH).map(|at| &self.0[at % ENTRIES])
    }
}

/// The address of `site` as an entry has it, without faults.
fn key(site: &'static Location<'static>) -> u64 {
    ((core::ptr::from_ref(site).addr() / ALIGN) as u64) << FAULT_BITS
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ALIGN, ENTRIES, LONG, MOST, REACH, SHORT, Table, WORDS};
    use core::panic::Location;

    #[test]
    fn a_site_is_trusted_until_one_from_there_computes() {
        let (table, site) = (Table::new(), Location::caller());
        assert!(!table.is_trusted(site), "nothing is known of it");
        table.trust(site);
        assert!(table.is_trusted(site));
        table.distrust(site, LONG);
        for _ in 0..LONG / 2 {
            table.trust(site);
            assert!(!table.is_trusted(site), "that many can be luck");
        }
        for _ in 0..LONG / 2 {
            table.trust(site);
        }
        assert!(table.is_trusted(site));
    }

    #[test]
    fn short_stops_count_if_there_are_many_of_them() {
        let (table, site) = (Table::new(), Location::caller());
        table.trust(site);
        for _ in 0..9 {
            table.distrust(site, SHORT);
            assert!(table.is_trusted(site));
        }
        table.distrust(site, SHORT);
        assert!(!table.is_trusted(site));
        table.trust(site);
        assert!(table.is_trusted(site));
    }

    #[test]
    fn a_site_of_which_nothing_good_is_known_is_not_trusted() {
        let (table, site) = (Table::new(), Location::caller());
        table.distrust(site, SHORT);
        assert!(!table.is_trusted(site));
        for _ in 0..SHORT {
            table.trust(site);
            assert!(!table.is_trusted(site));
        }
        table.trust(site);
        assert!(table.is_trusted(site));
    }

    #[test]
    fn faults_do_not_spill_into_the_address() {
        let (table, site) = (Table::new(), Location::caller());
        for _ in 0..1_000 {
            table.distrust(site, LONG);
        }
        assert!(!table.is_trusted(site));
        for _ in 0..MOST {
            table.trust(site);
        }
        assert!(table.is_trusted(site), "it has no second entry");
    }

    #[test]
    fn sites_that_do_not_fit_take_the_place_of_others_and_nothing_more() {
        let table = Table::new();
        // More than may be in the entries where they meet; side by side, as the compiler puts them.
        let sites: &'static [Location<'static>] =
            Box::leak(vec![*Location::caller(); ENTRIES * 2 * REACH].into());
        assert_eq!(size_of_val(&sites[0]), WORDS * ALIGN);
        let meeting: Vec<_> = sites.iter().step_by(ENTRIES).collect();
        for (at, &site) in meeting.iter().enumerate() {
            table.trust(site);
            assert!(table.is_trusted(site));
            let trusted = meeting.iter().filter(|site| table.is_trusted(site));
            assert_eq!(trusted.count(), (at + 1).min(REACH));
        }
        table.distrust(meeting[0], LONG);
        assert!(!table.is_trusted(meeting[0]));
    }
}
