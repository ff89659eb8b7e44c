//! `Pool`: objects that are costly to make, kept for the next one who needs them.
//!
//! ```text
//!   get: own shard ─ empty ─▶ the others' ─ all empty ─▶ make
//!   put: own shard
//! ```
//!
//! Each P has a shard of its own, a stack of nodes behind a lock that others touch only when theirs is empty; what was
//! put last is still in the P's cache and goes out first. Plain threads use the shard that their number gives.
//!
//! A value lies in a node on the heap from `make` or `put` on, and the whole node changes hands: so nothing is allocated
//! or freed under a lock, nor in any `get` and drop once the pool is warm.
//!
//! **One type parameter.** A pool is to be a static made from a closure, and a field whatever the closure captures. So
//! the closure's type is erased, without the heap, which a constant cannot have: it lies inside the pool, in a few words,
//! beside two pointers to functions that know its type. A boxed closure would need a second constructor for statics.
//!
//! Go's pool drops what lies idle while garbage is collected. There is no such moment here; [`Pool::clear`] is for that.
#![expect(unsafe_code, reason = "a closure of erased type")]

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::primitive::pad::CachePadded;
use crate::primitive::spin::Spin;
use crate::sched::{config, current};
use crate::sync::OnceLock;

/// Words there are for what a closure captures.
const WORDS: usize = 4;

/// Objects that are kept for the next one who needs one.
///
/// [`get`](Self::get) gives an object that was used before, or a new one if there is none; it comes back when the guard is
/// dropped, as it is then: whoever gets it next finds it in that state. Objects are dropped by [`clear`](Self::clear) and
/// with the pool.
///
/// # Examples
///
/// ```
/// use csp::sync::Pool;
///
/// static BUFFERS: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(4096));
///
/// let mut buffer = BUFFERS.get();
/// buffer.clear();
/// buffer.extend_from_slice(b"text");
/// drop(buffer);
/// assert_eq!(BUFFERS.idle(), 1);
/// ```
pub struct Pool<T> {
    make: Make<T>,
    /// As many as there are processors, from the first use on.
    shards: OnceLock<Box<[CachePadded<Shard<T>>]>>,
}

/// The objects of one P.
struct Shard<T> {
    /// How many objects are in it: changed under the lock of `stack`, and read without, to pass by those that are empty.
    len: AtomicUsize,
    stack: Spin<Stack<T>>,
}

/// Objects, the one that was put last on top.
struct Stack<T>(Option<Box<Node<T>>>);

/// An object with the link to the one below it in a stack.
struct Node<T> {
    value: T,
    below: Option<Box<Node<T>>>,
}

impl<T> Shard<T> {
    fn pop(&self) -> Option<Box<Node<T>>> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut stack = self.stack.lock();
        let mut node = stack.0.take()?;
        stack.0 = node.below.take();
        self.change_len(|len| len - 1);
        Some(node)
    }

    fn push(&self, mut node: Box<Node<T>>) {
        let mut stack = self.stack.lock();
        node.below = stack.0.take();
        stack.0 = Some(node);
        self.change_len(|len| len + 1);
    }

    fn take_all(&self) -> Stack<T> {
        let mut stack = self.stack.lock();
        self.change_len(|_| 0);
        Stack(stack.0.take())
    }

    /// Under the lock: not a locked instruction.
    fn change_len(&self, change: impl Fn(usize) -> usize) {
        self.len
            .store(change(self.len.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}

impl<T> Drop for Stack<T> {
    fn drop(&mut self) {
        // One after the other: the nodes' own drop would go as deep as the stack is high.
        while let Some(mut node) = self.0.take() {
            // A stack again, which goes on in here if the value panics; a second panic then aborts, as anywhere.
            let mut rest = Stack(node.below.take());
            drop(node);
            self.0 = rest.0.take();
        }
    }
}

impl<T> Pool<T> {
    /// Makes an empty pool whose objects `make` makes when they are wanted.
    ///
    /// `make` may capture four words at most, or the program does not compile; more can stand behind an
    /// [`Arc`]. It may run on several threads at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::sync::Pool;
    ///
    /// struct Server {
    ///     buffers: Pool<Vec<u8>>,
    /// }
    ///
    /// let size = 512;
    /// let server = Server { buffers: Pool::new(move || vec![0; size]) };
    /// assert_eq!(server.buffers.get().len(), size);
    /// ```
    pub const fn new<F>(make: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
    {
        Self {
            make: Make::new(make),
            shards: OnceLock::new(),
        }
    }

    /// Returns an object that lies idle, or makes one.
    #[track_caller]
    pub fn get(&self) -> Pooled<'_, T> {
        Pooled {
            pool: self,
            node: Some(self.node()),
        }
    }

    /// As [`get`](Self::get), with a guard that keeps the pool and can be moved into a goroutine.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::go;
    /// use csp::sync::{Arc, Pool};
    ///
    /// let pool = Arc::new(Pool::new(String::new));
    /// let mut text = pool.get_owned();
    /// go!({ text.push('x') }).join().unwrap();
    /// assert_eq!(*pool.get(), "x");
    /// ```
    #[track_caller]
    pub fn get_owned(self: &Arc<Self>) -> OwnedPooled<T> {
        OwnedPooled {
            node: Some(self.node()),
            pool: Arc::clone(self),
        }
    }

    /// Adds an object, which need not come from this pool.
    pub fn put(&self, value: T) {
        self.give_back(Box::new(Node { value, below: None }));
    }

    /// Drops all objects that lie idle, also if one of them panics.
    pub fn clear(&self) {
        let shards = self.shards.get().into_iter().flatten();
        // All are taken before the first object is dropped: a `Vec` drops the others if one panics.
        let stacks: Vec<_> = shards.map(|shard| shard.take_all()).collect();
        drop(stacks);
    }

    /// Returns how many objects lie idle; a moment later it may be another number.
    pub fn idle(&self) -> usize {
        let shards = self.shards.get().into_iter().flatten();
        shards.map(|shard| shard.len.load(Ordering::Relaxed)).sum()
    }

    fn shards(&self) -> &[CachePadded<Shard<T>>] {
        self.shards.get_or_init(|| {
            let shard = || Shard {
                len: AtomicUsize::new(0),
                stack: Spin::new(Stack(None)),
            };
            let count = config::num_cpu();
            (0..count).map(|_| CachePadded::new(shard())).collect()
        })
    }

    #[track_caller]
    fn node(&self) -> Box<Node<T>> {
        let shards = self.shards();
        let own = place() % shards.len();
        let (before, from) = shards.split_at(own);
        let found = from.iter().chain(before).find_map(|shard| shard.pop());
        found.unwrap_or_else(|| {
            Box::new(Node {
                value: self.make.call(),
                below: None,
            })
        })
    }

    fn give_back(&self, node: Box<Node<T>>) {
        let shards = self.shards();
        shards[place() % shards.len()].push(node);
    }
}

/// The number of the P that the caller is on, or of its thread.
#[inline]
fn place() -> usize {
    match current::enter() {
        Some(inside) => inside.processor().id as usize,
        None => thread_place(),
    }
}

/// The number of a plain thread. Never inlined: the address of a thread-local on a goroutine's stack would tie it to its
/// thread.
#[cold]
#[inline(never)]
fn thread_place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static PLACE: Cell<Option<usize>> = const { Cell::new(None) });
    PLACE.with(|place| {
        let number = place
            .get()
            .unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        place.set(Some(number));
        number
    })
}

/// Where the closure lies. Pointers, so that what it captures stays what it is.
type Space = MaybeUninit<[*const (); WORDS]>;

/// A closure that makes objects, its type erased.
struct Make<T> {
    /// The closure: its captures, and what is left of the space. A cell, for it may capture such.
    space: UnsafeCell<Space>,
    /// Calls the closure that it is given a pointer to.
    call: unsafe fn(*const ()) -> T,
    /// Drops it in place.
    drop: unsafe fn(*mut ()),
}

// SAFETY: the closure is `Send` and `Sync` and owns its captures; `T` comes out of it where it is called.
unsafe impl<T> Send for Make<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Make<T> {}

impl<T> Make<T> {
    const fn new<F: Fn() -> T + Send + Sync + 'static>(make: F) -> Self {
        const {
            assert!(
                size_of::<F>() <= size_of::<Space>() && align_of::<F>() <= align_of::<Space>(),
                "the closure of a Pool captures too much: put the captures behind an Arc"
            );
        }
        let mut space = Space::uninit();
        // SAFETY: it fits, as asserted, and nothing is there yet.
        unsafe { space.as_mut_ptr().cast::<F>().write(make) };
        Self {
            space: UnsafeCell::new(space),
            call: call::<T, F>,
            drop: drop_in_place::<F>,
        }
    }

    #[track_caller]
    fn call(&self) -> T {
        // SAFETY: the space holds the closure that `call` was made for, until `drop`.
        unsafe { (self.call)(self.space.get().cast()) }
    }
}

impl<T> Drop for Make<T> {
    fn drop(&mut self) {
        // SAFETY: the space holds the closure that `drop` was made for, and nobody uses it any more.
        unsafe { (self.drop)(self.space.get().cast()) }
    }
}

/// # Safety
///
/// `make` points to an `F`.
unsafe fn call<T, F: Fn() -> T>(make: *const ()) -> T {
    // SAFETY: by the caller's promise.
    let make = unsafe { &*make.cast::<F>() };
    make()
}

/// # Safety
///
/// `make` points to an `F` that is not used any more.
unsafe fn drop_in_place<F>(make: *mut ()) {
    // SAFETY: by the caller's promise.
    unsafe { make.cast::<F>().drop_in_place() }
}

// No user code runs while a shard is locked, and a panic of `make` leaves no object.
impl<T: UnwindSafe> UnwindSafe for Pool<T> {}
impl<T: UnwindSafe> RefUnwindSafe for Pool<T> {}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.idle())
            .finish_non_exhaustive()
    }
}

/// An object of a [`Pool`]; goes back there when dropped.
pub struct Pooled<'a, T> {
    pool: &'a Pool<T>,
    /// `None` only while this is dropped or taken apart.
    node: Option<Box<Node<T>>>,
}

/// An object of a [`Pool`] that keeps the pool alive; goes back there when dropped.
pub struct OwnedPooled<T> {
    pool: Arc<Pool<T>>,
    /// As in [`Pooled`].
    node: Option<Box<Node<T>>>,
}

/// What both kinds of guards can do.
macro_rules! pooled {
    ($name:ident<$($life:lifetime,)? T>) => {
        impl<$($life,)? T> $name<$($life,)? T> {
            /// Keeps the object for good: it does not go back to the pool.
            pub fn into_inner(mut self) -> T {
                self.node.take().expect("a guard has an object").value
            }
        }

        impl<$($life,)? T> Deref for $name<$($life,)? T> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                &self.node.as_ref().expect("a guard has an object").value
            }
        }

        impl<$($life,)? T> DerefMut for $name<$($life,)? T> {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                &mut self.node.as_mut().expect("a guard has an object").value
            }
        }

        impl<$($life,)? T> Drop for $name<$($life,)? T> {
            fn drop(&mut self) {
                if let Some(node) = self.node.take() {
                    self.pool.give_back(node);
                }
            }
        }

        impl<$($life,)? T: fmt::Debug> fmt::Debug for $name<$($life,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

pooled!(Pooled<'a, T>);
pooled!(OwnedPooled<T>);
