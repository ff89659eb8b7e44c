//! The order of a 4-ary min-heap in a slice.
//!
//! ```text
//!             [0]               children of i: 4i + 1 … 4i + 4
//!    ┌─────┬───┴─┬─────┐        parent of i:   (i − 1) / 4
//!   [1]   [2]   [3]   [4]
//!  ┌─┴─…
//! ```
//!
//! Invariant: no element is earlier than its parent; so the first is the earliest. Equal elements
//! are in no particular order. Nothing here allocates, and nothing panics, whatever the slice
//! holds.
//!
//! Four children, not two: the tree is half as deep, and the four lie within two or three cache
//! lines, so that the way down touches fewer of them. Sources: Go's `runtime/time.go` for the
//! arity; building in linear time after Floyd, "Treesort 3" (1964).

/// Children of an element.
const ARITY: usize = 4;

/// What a heap is ordered by.
pub(super) trait Deadline: Copy {
    fn when(&self) -> u64;
}

/// Removes the earliest element, if it fulfils the condition, and restores the order.
pub(super) fn pop_first_if<D: Deadline>(
    elements: &mut Vec<D>,
    condition: impl Fn(&D) -> bool,
) -> Option<D> {
    if !condition(elements.first()?) {
        return None;
    }
    let first = elements.swap_remove(0);
    sift_down(elements, 0);
    Some(first)
}

/// Moves the element at `index`, the only one that may be too low, up to its place.
pub(super) fn sift_up<D: Deadline>(elements: &mut [D], mut index: usize) {
    let Some(&element) = elements.get(index) else {
        return;
    };
    while index > 0 {
        let parent = (index - 1) / ARITY;
        if elements[parent].when() <= element.when() {
            break;
        }
        elements[index] = elements[parent];
        index = parent;
    }
    elements[index] = element;
}

/// Moves the element at `index`, the only one that may be too high, down to its place.
fn sift_down<D: Deadline>(elements: &mut [D], mut index: usize) {
    let Some(&element) = elements.get(index) else {
        return;
    };
    loop {
        let first = index * ARITY + 1;
        let last = elements.len().min(first + ARITY);
        let Some(child) = (first..last).min_by_key(|&child| elements[child].when()) else {
            break;
        };
        if elements[child].when() >= element.when() {
            break;
        }
        elements[index] = elements[child];
        index = child;
    }
    elements[index] = element;
}

/// Makes a heap of elements in any order, in linear time.
pub(super) fn heapify<D: Deadline>(elements: &mut [D]) {
    let parents = elements.len().saturating_sub(1).div_ceil(ARITY);
    for index in (0..parents).rev() {
        sift_down(elements, index);
    }
}

/// Whether the invariant holds.
#[cfg(all(test, not(loom)))]
pub(super) fn is_heap<D: Deadline>(elements: &[D]) -> bool {
    (1..elements.len()).all(|index| elements[(index - 1) / ARITY].when() <= elements[index].when())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Deadline, heapify, is_heap, pop_first_if, sift_up};
    use crate::primitive::rng::Rng;

    impl Deadline for u64 {
        fn when(&self) -> u64 {
            *self
        }
    }

    /// From a small range, so that there are ties.
    fn numbers(rng: &mut Rng, count: u32) -> Vec<u64> {
        (0..count).map(|_| rng.below(50).into()).collect()
    }

    #[test]
    fn elements_pushed_one_by_one_leave_sorted() {
        let mut rng = Rng::new(1);
        for count in 0..60 {
            let mut sorted = numbers(&mut rng, count);
            let mut heap = Vec::new();
            for &number in &sorted {
                heap.push(number);
                let index = heap.len() - 1;
                sift_up(&mut heap, index);
                assert!(is_heap(&heap));
            }
            sorted.sort_unstable();
            let popped: Vec<_> = std::iter::from_fn(|| pop_first_if(&mut heap, |_| true)).collect();
            assert_eq!(popped, sorted);
        }
    }

    #[test]
    fn an_earliest_element_that_does_not_qualify_stays() {
        let mut heap = vec![3, 4, 5];
        assert_eq!(pop_first_if(&mut heap, |&first| first < 3), None);
        assert_eq!(heap.len(), 3);
        assert_eq!(pop_first_if(&mut heap, |&first| first < 4), Some(3));
    }

    #[test]
    fn any_order_becomes_a_heap() {
        let mut rng = Rng::new(2);
        for count in 0..60 {
            let mut heap = numbers(&mut rng, count);
            let mut sorted = heap.clone();
            heapify(&mut heap);
            assert!(is_heap(&heap), "{heap:?}");
            heap.sort_unstable();
            sorted.sort_unstable();
            assert_eq!(heap, sorted);
        }
    }
}
