//! What few goroutines have: a name, goroutine-locals. Beside the control block, which is full.
//!
//! Made when the first of the two is needed, by the goroutine's creator (a name) or by the goroutine itself
//! (locals), and freed with the slot. The name never changes, so that it can be read while the goroutine
//! uses its locals. Others than the goroutine and the owner of its handle read it under the lock that is
//! held when the box is taken away.
#![expect(unsafe_code, reason = "a leaked box behind an atomic pointer")]

use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use super::{Goroutine, Status};
use crate::primitive::spin::Spin;
use crate::primitive::sync::Ordering;

/// Held while a name is read by another goroutine, or taken away to be freed.
static NAMES: Spin<()> = Spin::new(());

/// A goroutine's name and locals.
pub(crate) struct Extra {
    /// Constant.
    name: Option<Box<str>>,
    /// The goroutine's own; nothing but keys is left in it when the goroutine has ended.
    locals: RefCell<Locals>,
}

impl Extra {
    fn new(name: Option<Box<str>>) -> Self {
        Self {
            name,
            locals: RefCell::new(Locals::new()),
        }
    }
}

impl Goroutine {
    /// Gives the goroutine a name; before it is made runnable.
    pub(crate) fn set_name(&self, name: Box<str>) {
        self.make_extra(Some(name));
    }

    fn make_extra(&self, name: Option<Box<str>>) -> &Extra {
        let extra: &'static Extra = Box::leak(Box::new(Extra::new(name)));
        // Release: a reader of the name sees it whole.
        self.extra
            .store(ptr::from_ref(extra).cast_mut(), Ordering::Release);
        extra
    }

    #[inline]
    fn extra(&self) -> Option<&Extra> {
        // SAFETY: null or a leaked box, freed only when the slot is.
        unsafe { self.extra.load(Ordering::Acquire).as_ref() }
    }

    /// Whether it has a name or locals.
    #[inline]
    pub(crate) fn has_extra(&self) -> bool {
        !self.extra.load(Ordering::Relaxed).is_null()
    }

    /// The name, if it has one; for the goroutine itself and the owner of its handle.
    pub(crate) fn name(&self) -> Option<&str> {
        self.extra()?.name.as_deref()
    }

    /// The goroutine's locals; for the goroutine itself.
    #[inline]
    pub(crate) fn locals(&self) -> &RefCell<Locals> {
        match self.extra() {
            Some(extra) => &extra.locals,
            None => &self.make_extra(None).locals,
        }
    }

    /// The goroutine's locals, if it ever had any; for the goroutine itself.
    pub(crate) fn locals_if_any(&self) -> Option<&RefCell<Locals>> {
        Some(&self.extra()?.locals)
    }

    /// Its locals, for a look at them by the one who owns the goroutine while it is suspended.
    ///
    /// # Safety
    ///
    /// It is suspended, and nobody resumes it while the result is in use.
    pub(crate) unsafe fn suspended_locals(&self) -> Option<&Locals> {
        let locals = self.locals_if_any()?;
        // SAFETY: nobody else has them (caller), and a goroutine never waits while it has borrowed them.
        Some(unsafe { &*locals.as_ptr() })
    }

    /// Frees what the goroutine holds beside its slot; the caller frees the slot next.
    #[inline]
    pub(crate) fn clear(&self) {
        self.set_status(Status::Idle);
        if self.has_extra() {
            self.free_extra();
        }
    }

    #[cold]
    fn free_extra(&self) {
        let reading = NAMES.lock();
        let extra = self.extra.swap(ptr::null_mut(), Ordering::Acquire);
        drop(reading);
        // SAFETY: leaked by `make_extra`, and taken out of the word, so freed once; no dump is reading the name,
        // since they look under the lock. The goroutine has destroyed its locals, so no value is dropped here.
        drop(unsafe { Box::from_raw(extra) });
    }

    /// Appends the name between `before` and `after` to `text`, if there is one; for others than the
    /// goroutine.
    pub(crate) fn push_name(&self, text: &mut String, before: &str, after: &str) {
        // No memory is asked for under the lock: who holds the allocator's may wait for this thread.
        let mut room = 64;
        loop {
            text.reserve(room);
            let _reading = NAMES.lock();
            let Some(name) = self.name() else { return };
            room = before.len() + name.len() + after.len();
            if text.capacity() - text.len() >= room {
                text.push_str(before);
                text.push_str(name);
                text.push_str(after);
                return;
            }
        }
    }
}

/// The values of one goroutine's or thread's locals.
///
/// Each is in a box of its own, so it does not move when others are made while it is in use. It is borrowed
/// for a look and never while code of the user runs: initialisers and destructors may come back here.
pub(crate) struct Locals {
    /// By key. A key stays when its value is destroyed, so that it is not made again.
    entries: Vec<Entry>,
    /// The keys that have a value, oldest first.
    order: Vec<usize>,
}

struct Entry {
    key: usize,
    /// `None` from the moment its destructor begins.
    value: Option<Rc<dyn Any>>,
}

/// What a key has.
pub(crate) enum Found {
    Value(Rc<dyn Any>),
    /// Nothing yet.
    Missing,
    /// A value that is being destroyed or has been.
    Destroyed,
}

impl Locals {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            order: Vec::new(),
        }
    }

    fn position(&self, key: usize) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key)
    }

    /// Looks a key up.
    pub(crate) fn get(&self, key: usize) -> Found {
        match self.position(key) {
            Ok(at) => match &self.entries[at].value {
                Some(value) => Found::Value(Rc::clone(value)),
                None => Found::Destroyed,
            },
            Err(_) => Found::Missing,
        }
    }

    /// Gives a key its value. What was there, or what cannot be kept since the key's value has been destroyed,
    /// comes back: to be dropped when nothing is borrowed.
    pub(crate) fn put(&mut self, key: usize, value: Rc<dyn Any>) -> Option<Rc<dyn Any>> {
        match self.position(key) {
            Ok(at) => match &mut self.entries[at].value {
                Some(before) => Some(std::mem::replace(before, value)),
                None => Some(value),
            },
            Err(at) => {
                let value = Some(value);
                self.entries.insert(at, Entry { key, value });
                self.order.push(key);
                None
            }
        }
    }

    /// Whether `wanted` accepts a word of one of the values, which lie on the heap.
    pub(crate) fn any_word(&self, wanted: &mut dyn FnMut(usize) -> bool) -> bool {
        const WORD: usize = size_of::<usize>();
        self.values().any(|place| {
            let mut at = place.start.next_multiple_of(WORD);
            while at + WORD <= place.end {
                // SAFETY: inside a value that is alive. Volatile, for a value may have bytes that were never written.
                let word = unsafe { ptr::with_exposed_provenance::<usize>(at).read_volatile() };
                if wanted(word) {
                    return true;
                }
                at += WORD;
            }
            false
        })
    }

    /// Whether `address` lies in one of the values.
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.values().any(|place| place.contains(&address))
    }

    /// Where the values lie.
    fn values(&self) -> impl Iterator<Item = Range<usize>> {
        self.entries.iter().filter_map(|entry| {
            let value = entry.value.as_ref()?;
            let start = Rc::as_ptr(value).cast::<u8>().expose_provenance();
            Some(start..start + size_of_val(&**value))
        })
    }

    fn take_newest(&mut self) -> Option<Rc<dyn Any>> {
        let key = self.order.pop()?;
        let at = self.position(key).ok()?;
        self.entries[at].value.take()
    }
}

/// Destroys all values, the newest first, and those too that their destructors make. Returns the payload of
/// the first panic; what other destructors panic with is dropped.
pub(crate) fn destroy(locals: &RefCell<Locals>) -> Option<Box<dyn Any + Send>> {
    let mut first = None;
    loop {
        // Not in the condition of a loop: the borrow would last for its body.
        let newest = locals.borrow_mut().take_newest();
        let Some(value) = newest else { return first };
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
            match first {
                None => first = Some(payload),
                Some(_) => discard(payload),
            }
        }
    }
}

/// Drops a panic's payload; should its destructor panic too, that payload is leaked.
pub(crate) fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(found: Found) -> Option<u32> {
        match found {
            Found::Value(value) => value.downcast_ref().copied(),
            Found::Missing | Found::Destroyed => None,
        }
    }

    #[test]
    fn keys_are_found_in_any_order_and_replaced_in_place() {
        let mut locals = Locals::new();
        for key in [50, 10, 30] {
            assert!(locals.put(key, Rc::new(key as u32)).is_none());
        }
        let before = locals.put(10, Rc::new(11_u32)).expect("there was one");
        assert_eq!(before.downcast_ref(), Some(&10_u32));
        assert_eq!(number(locals.get(10)), Some(11));
        assert_eq!(number(locals.get(50)), Some(50));
        assert!(matches!(locals.get(20), Found::Missing));
    }

    #[test]
    fn the_newest_goes_first_and_its_key_stays_taken() {
        let locals = RefCell::new(Locals::new());
        locals.borrow_mut().put(7, Rc::new(7_u32));
        locals.borrow_mut().put(3, Rc::new(3_u32));
        let newest = locals.borrow_mut().take_newest().expect("two are there");
        assert_eq!(newest.downcast_ref(), Some(&3_u32));
        assert!(matches!(locals.borrow().get(3), Found::Destroyed));
        assert!(locals.borrow_mut().put(3, Rc::new(4_u32)).is_some());
        assert!(destroy(&locals).is_none());
        assert!(matches!(locals.borrow().get(7), Found::Destroyed));
    }
}
