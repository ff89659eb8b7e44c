//! The values in a channel that nobody has received yet: a ring that grows up to the capacity.
//!
//! Growing needs memory, and memory is never asked for under a lock. So [`Buffer::push`] refuses when
//! the ring is full, the caller makes a larger one outside the lock ([`Buffer::larger`]) and moves the
//! values over when it has the lock again ([`Buffer::adopt`]).
#![expect(unsafe_code, reason = "a ring of maybe uninitialised values")]

use std::mem::MaybeUninit;

/// The smallest ring.
const FIRST: usize = 16;

/// A ring of values.
pub(super) struct Buffer<T> {
    ring: Box<[MaybeUninit<T>]>,
    /// Index of the oldest value; below `ring.len()`, or 0.
    head: usize,
    /// How many values, from `head` on, are initialised.
    len: usize,
}

impl<T> Buffer<T> {
    /// A ring for `capacity` values; larger ones grow as they fill.
    pub(super) fn new(capacity: usize) -> Self {
        Self::with_slots(capacity.min(FIRST))
    }

    fn with_slots(slots: usize) -> Self {
        Self {
            ring: Box::new_uninit_slice(slots),
            head: 0,
            len: 0,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn slots(&self) -> usize {
        self.ring.len()
    }

    /// Appends a value, or gives it back if the ring has no room.
    #[inline]
    pub(super) fn push(&mut self, value: T) -> Result<(), T> {
        if self.len == self.ring.len() {
            return Err(value);
        }
        let mut at = self.head + self.len;
        if at >= self.ring.len() {
            at -= self.ring.len();
        }
        debug_assert!(at < self.ring.len());
        // SAFETY: `head` and `len` are at most the length, and not both: `at` has come round.
        unsafe { self.ring.get_unchecked_mut(at) }.write(value);
        self.len += 1;
        Ok(())
    }

    /// Puts a value before the oldest one, or gives it back if the ring has no room.
    pub(super) fn push_front(&mut self, value: T) -> Result<(), T> {
        if self.len == self.ring.len() {
            return Err(value);
        }
        self.head = match self.head {
            0 => self.ring.len() - 1,
            head => head - 1,
        };
        self.ring[self.head].write(value);
        self.len += 1;
        Ok(())
    }

    /// Takes the oldest value.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        let at = self.head;
        self.head += 1;
        if self.head == self.ring.len() {
            self.head = 0;
        }
        self.len -= 1;
        debug_assert!(at < self.ring.len());
        // SAFETY: `head` is below the length of a ring that holds something.
        let oldest = unsafe { self.ring.get_unchecked(at) };
        // SAFETY: it was the oldest of the initialised values, and `head` has moved past it.
        Some(unsafe { oldest.assume_init_read() })
    }

    /// An empty ring of about twice `slots`, at most `limit`. Allocates.
    pub(super) fn larger(slots: usize, limit: usize) -> Self {
        Self::with_slots((slots * 2).max(FIRST).min(limit))
    }

    /// Moves all values into `larger` and changes places with it, if it is larger.
    pub(super) fn adopt(&mut self, larger: &mut Self) {
        debug_assert_eq!(larger.len, 0);
        if larger.slots() <= self.slots() {
            return;
        }
        while let Some(value) = self.pop() {
            let pushed = larger.push(value);
            debug_assert!(pushed.is_ok());
        }
        std::mem::swap(self, larger);
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // If one value's destructor panics, `rest` drops the others.
        let rest = Rest(self);
        while let Some(value) = rest.0.pop() {
            drop(value);
        }
    }
}

/// The values that are still to be dropped.
struct Rest<'a, T>(&'a mut Buffer<T>);

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
        while let Some(value) = self.0.pop() {
            drop(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_leave_in_order_across_growth() {
        let mut buffer = Buffer::new(usize::MAX);
        let mut expected = 0;
        for value in 0..1000 {
            if let Err(value) = buffer.push(value) {
                let mut larger = Buffer::larger(buffer.slots(), usize::MAX);
                buffer.adopt(&mut larger);
                assert!(buffer.push(value).is_ok());
            }
            if value % 3 == 0 {
                assert_eq!(buffer.pop(), Some(expected));
                expected += 1;
            }
        }
        while let Some(value) = buffer.pop() {
            assert_eq!(value, expected);
            expected += 1;
        }
        assert_eq!(expected, 1000);
    }

    #[test]
    fn a_value_put_in_front_leaves_first() {
        let mut buffer = Buffer::new(4);
        for value in [2, 3] {
            assert!(buffer.push(value).is_ok());
        }
        for value in [1, 0] {
            assert!(buffer.push_front(value).is_ok());
        }
        assert_eq!(buffer.push_front(9), Err(9));
        for value in 0..4 {
            assert_eq!(buffer.pop(), Some(value));
        }
    }

    #[test]
    fn what_is_left_is_dropped() {
        let value = std::rc::Rc::new(());
        let mut buffer = Buffer::new(4);
        for _ in 0..4 {
            assert!(buffer.push(value.clone()).is_ok());
        }
        assert!(buffer.push(value.clone()).is_err());
        buffer.pop();
        assert_eq!(std::rc::Rc::strong_count(&value), 4);
        drop(buffer);
        assert_eq!(std::rc::Rc::strong_count(&value), 1);
    }
}
