//! Stacks as csp lays them out: slots of one reservation, each with a guard at its low end and one page of memory at its
//! high end, made for a batch of slots at once.
//!
//! Nothing is written to the page, as a runtime would have to; nor is the memory made accessible step by step.

use csp_benchmarks::region::{self, PAGE, Region, STACK, STACK_GUARD, STACKS_AT_ONCE};

/// Makes `count` stacks.
pub(crate) fn make(count: usize) -> Region {
    let region = Region::map(count * STACK).expect("there is address space");
    for first in (0..count).step_by(STACKS_AT_ONCE) {
        let slots = (first..count.min(first + STACKS_AT_ONCE)).map(|slot| slot * STACK);
        let guards: Vec<_> = slots
            .clone()
            .map(|at| region.range(at, STACK_GUARD))
            .collect();
        assert!(region::guard(&guards), "the system has guards");
        let top_pages: Vec<_> = slots
            .map(|at| region.range(at + STACK - PAGE, PAGE))
            .collect();
        assert!(region::populate(&top_pages), "there is memory");
    }
    region
}
