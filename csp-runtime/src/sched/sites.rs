//! What is known of the goroutines that a `go!` starts: whether they let others run by themselves.
//!
//! A small table of code locations. Each entry is an address, and its lowest bit says that one of the goroutines from
//! there has used up its time slice. Written by the loops of Ms and by sysmon, one word at a time; what is lost when
//! two write at once, or when more locations meet than there is room for, costs a change of threads.

use core::panic::Location;

use crate::primitive::sync::{AtomicUsize, Ordering};

/// Entries; a power of two.
const ENTRIES: usize = 1024;
/// Entries that a location may be in.
const REACH: usize = 4;
/// One of the goroutines has computed for long.
const COMPUTES: usize = 1;

const _: () = assert!(align_of::<Location<'static>>() > COMPUTES);

static TABLE: [AtomicUsize; ENTRIES] = [const { AtomicUsize::new(0) }; ENTRIES];

/// Whether goroutines from `site` are known to let others run by themselves.
pub(super) fn is_trusted(site: &'static Location<'static>) -> bool {
    let wanted = address(site);
    entries(wanted).any(|entry| entry.load(Ordering::Relaxed) == wanted)
}

/// A goroutine from `site` has let others run by itself.
pub(super) fn trust(site: &'static Location<'static>) {
    let wanted = address(site);
    // The mark stays, if there is one.
    let entry = entry_of(wanted);
    if entry.load(Ordering::Relaxed) & !COMPUTES != wanted {
        entry.store(wanted, Ordering::Relaxed);
    }
}

/// A goroutine from `site` has not let others run for its time slice.
pub(super) fn distrust(site: &'static Location<'static>) {
    let wanted = address(site);
    entry_of(wanted).store(wanted | COMPUTES, Ordering::Relaxed);
}

fn address(site: &'static Location<'static>) -> usize {
    core::ptr::from_ref(site).addr()
}

/// The entries that the location at `address` may be in.
fn entries(address: usize) -> impl Iterator<Item = &'static AtomicUsize> {
    // Locations lie side by side.
    let first = address / size_of::<Location<'static>>();
    (first..first + REACH).map(|at| &TABLE[at % ENTRIES])
}

/// Its entry, or the one that it takes: an empty one if there is any.
fn entry_of(address: usize) -> &'static AtomicUsize {
    let holds = |entry: &&AtomicUsize, wanted| entry.load(Ordering::Relaxed) & !COMPUTES == wanted;
    entries(address)
        .find(|entry| holds(entry, address))
        .or_else(|| entries(address).find(|entry| holds(entry, 0)))
        .unwrap_or_else(|| entries(address).next().expect("there are some"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{distrust, is_trusted, trust};
    use core::panic::Location;

    #[test]
    fn a_site_is_trusted_until_one_from_there_computes() {
        let site = Location::caller();
        assert!(!is_trusted(site));
        trust(site);
        assert!(is_trusted(site));
        distrust(site);
        assert!(!is_trusted(site));
        trust(site);
        assert!(!is_trusted(site), "what was seen once holds");
    }

    #[test]
    fn sites_beyond_the_room_are_not_trusted_by_mistake() {
        #[track_caller]
        fn here() -> &'static Location<'static> {
            Location::caller()
        }
        let (one, other) = (here(), here());
        trust(one);
        assert!(is_trusted(one) && !is_trusted(other));
    }
}
