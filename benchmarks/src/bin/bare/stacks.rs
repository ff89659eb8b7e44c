//! Stacks as csp lays them out: slots of one reservation, each with a guard at its low end and one page of memory at its
//! high end, made for a batch of slots at once.
//!
//! Nothing is written to the page, as a runtime would have to.

use csp_benchmarks::region::{self, Region};

const PAGE: usize = 4096;
/// Of a stack with all that belongs to it.
const SLOT: usize = 256 << 10;
const GUARD: usize = 32 << 10;
/// Slots that one call is for.
const BATCH: usize = 64;

/// Makes `count` stacks.
pub(crate) fn make(count: usize) -> Region {
    let region = Region::map(count * SLOT).expect("there is address space");
    for first in (0..count).step_by(BATCH) {
        let slots = (first..count.min(first + BATCH)).map(|slot| slot * SLOT);
        let guards: Vec<_> = slots.clone().map(|at| region.range(at, GUARD)).collect();
        assert!(region::guard(&guards), "the system has guards");
        let top_pages: Vec<_> = slots
            .map(|at| region.range(at + SLOT - PAGE, PAGE))
            .collect();
        assert!(region::populate(&top_pages), "there is memory");
    }
    region
}
