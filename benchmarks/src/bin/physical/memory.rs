//! Pages: touched, filled, populated apart from each other, guarded.
//!
//! Each round has a mapping of its own, so that its page tables have to be made as well, as they have to where a stack was
//! never used before. The stacks of the batches are [`STACK`] bytes apart; a stack's guard is at its low end, and its
//! first page the highest. All regions are kept to the end: a page that was just given back is still in the processor's
//! cache, and a million goroutines that live at once get none of that kind. Huge pages are off, as they are below stacks: one would give each stack 2 MiB.

use std::time::Instant;

use csp_benchmarks::region::{
    self, PAGE, Range, Region, STACK, STACK_GUARD, STACKS_AT_ONCE as BATCH,
};

/// Batches of a round.
const BATCHES: usize = 32;
/// What `touch` and `fill` are about.
///
/// A quarter of what `deep` needs: a round has to be short enough to be left in peace for once.
const LONG: usize = 4 << 20;

/// Writes to page after page.
pub(crate) fn touch(kept: &mut Vec<Region>) -> Option<f64> {
    let region = Region::map(LONG)?;
    let start = Instant::now();
    for page in (0..LONG).step_by(PAGE) {
        region.write(page);
    }
    let time = each(start, LONG / PAGE);
    kept.push(region);
    Some(time)
}

/// Has the kernel fill all of a region.
pub(crate) fn fill(kept: &mut Vec<Region>) -> Option<f64> {
    let region = Region::map(LONG)?;
    let all = [region.range(0, LONG)];
    let start = Instant::now();
    let done = region::populate(&all);
    let time = each(start, LONG / PAGE);
    kept.push(region);
    done.then_some(time)
}

/// Populates the first page of each stack.
pub(crate) fn populate(kept: &mut Vec<Region>) -> Option<f64> {
    batches(kept, |_, stacks| region::populate(&stacks.first_pages))
}

/// Installs the guard of each stack.
pub(crate) fn guard(kept: &mut Vec<Region>) -> Option<f64> {
    batches(kept, |_, stacks| region::guard(&stacks.guards))
}

/// Does what each stack needs before a goroutine runs on it, and writes to it.
pub(crate) fn fresh(kept: &mut Vec<Region>) -> Option<f64> {
    batches(kept, |region, stacks| {
        let done = region::guard(&stacks.guards) && region::populate(&stacks.first_pages);
        stacks.tops.iter().for_each(|top| region.write(*top));
        done
    })
}

/// A batch of stacks.
struct Stacks<'a> {
    guards: Vec<Range<'a>>,
    first_pages: Vec<Range<'a>>,
    /// The offset of the highest word of each.
    tops: Vec<usize>,
}

/// Does `one` for each batch of stacks in a region, and returns the time for each stack, if all succeed.
fn batches(kept: &mut Vec<Region>, one: impl Fn(&Region, &Stacks<'_>) -> bool) -> Option<f64> {
    let region = Region::map(BATCHES * BATCH * STACK)?;
    // Made before the clock runs: a runtime writes these lists while it does other things, and they are no page's cost.
    let batches: Vec<Stacks<'_>> = (0..BATCHES).map(|batch| stacks(&region, batch)).collect();
    let start = Instant::now();
    let done = batches.iter().all(|stacks| one(&region, stacks));
    let time = each(start, BATCHES * BATCH);
    kept.push(region);
    done.then_some(time)
}

fn stacks(region: &Region, batch: usize) -> Stacks<'_> {
    let slots = (batch * BATCH..(batch + 1) * BATCH).map(|slot| slot * STACK);
    Stacks {
        guards: slots
            .clone()
            .map(|at| region.range(at, STACK_GUARD))
            .collect(),
        first_pages: slots
            .clone()
            .map(|at| region.range(at + STACK - PAGE, PAGE))
            .collect(),
        tops: slots.map(|at| at + STACK - size_of::<usize>()).collect(),
    }
}

fn each(start: Instant, count: usize) -> f64 {
    start.elapsed().as_nanos() as f64 / count as f64
}
