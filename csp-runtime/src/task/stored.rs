//! A value kept in a goroutine's slot: in place if it is small, boxed otherwise.
//!
//! The top page of a slot is all that a parked goroutine keeps resident, so a large closure or result
//! must not take it up.
#![expect(unsafe_code, reason = "writes values to a goroutine's slot")]

use std::marker::PhantomData;
use std::mem;
use std::ptr::NonNull;

/// The largest value kept in place, in bytes.
const INLINE: usize = 256;
/// The alignment of the place in the slot.
const ALIGN: usize = 16;

/// Access to a value of type `V` at a place in a slot.
pub(super) struct Stored<V>(PhantomData<V>);

impl<V> Stored<V> {
    /// Whether it is boxed, so that putting it there allocates.
    pub(super) const BOXED: bool = mem::size_of::<V>() > INLINE || mem::align_of::<V>() > ALIGN;

    /// How many bytes the value takes in the slot.
    pub(super) const SIZE: usize = if Self::BOXED {
        mem::size_of::<*mut V>()
    } else {
        mem::size_of::<V>()
    };

    /// Puts a value there.
    ///
    /// # Safety
    ///
    /// `place` is 16-byte aligned, has `SIZE` bytes, and nobody else uses them.
    pub(super) unsafe fn put(place: NonNull<u8>, value: V) {
        if Self::BOXED {
            let boxed = Box::into_raw(Box::new(value));
            // SAFETY: room for a pointer, by the caller's promise.
            unsafe { place.cast::<*mut V>().write(boxed) };
        } else {
            // SAFETY: room for the value, by the caller's promise.
            unsafe { place.cast::<V>().write(value) };
        }
    }

    /// Takes the value away.
    ///
    /// # Safety
    ///
    /// `put` was called with this place, and the value has not been taken since.
    pub(super) unsafe fn take(place: NonNull<u8>) -> V {
        if Self::BOXED {
            // SAFETY: `put` wrote a pointer here.
            let boxed = unsafe { place.cast::<*mut V>().read() };
            // SAFETY: from `Box::into_raw`, taken once.
            *unsafe { Box::from_raw(boxed) }
        } else {
            // SAFETY: `put` wrote the value here.
            unsafe { place.cast::<V>().read() }
        }
    }
}
