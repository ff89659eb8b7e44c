//! A value alone on its cache line.
//!
//! Two words that different threads write must not share a line, or each write takes the line from
//! the other. x86-64 fetches lines in pairs, and big aarch64 cores have lines of 128 bytes, so
//! there the unit is 128 bytes; it is 64 elsewhere. `crossbeam-utils` has the same type with a
//! table of more targets; twenty lines are not worth a dependency.

use std::ops::{Deref, DerefMut};

/// Aligns and pads a value to what the processor moves at a time.
#[cfg_attr(any(target_arch = "x86_64", target_arch = "aarch64"), repr(align(128)))]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    repr(align(64))
)]
pub(crate) struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for CachePadded<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::CachePadded;

    #[test]
    fn neighbours_are_on_different_lines() {
        let mut pair = [CachePadded::new(1_u8), CachePadded::new(2_u8)];
        let distance = (&raw const *pair[1]).addr() - (&raw const *pair[0]).addr();
        assert!(distance >= 64 && distance == align_of::<CachePadded<u8>>());
        *pair[0] += 1;
        assert_eq!(*pair[0], *pair[1]);
    }
}
