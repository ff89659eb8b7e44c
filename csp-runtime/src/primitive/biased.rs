//! A spin lock that belongs to one P for as long as only that P takes it: without locked instructions, then.
//!
//! Goroutines that talk to each other are mostly on one P, and a goroutine in a section is on its P until the section
//! ends. So a lock that the same P has taken often enough in a row is *biased* to it: the word stays held on behalf of that
//! P, its [`Owner`], and the owner gets in by a flag of its own. Whoever else wants the lock takes the bias away first.
//!
//! ```text
//!   owner, in a section                      another P, or a plain thread
//!   inside = true                            bias: owner → none (exchange; one wins)
//!   light fence                              heavy fence (`barrier`)
//!   bias still mine? ── no: inside = false,  inside? ── yes: wait until it is false
//!   │                        the word        └ now the word is held on behalf of the caller
//!   … the lock is held …
//!   inside = false
//! ```
//!
//! The two fences are partners, as in `primitive::section`: either the owner's look at `bias` sees that it is gone, or
//! the other's look at `inside` sees the owner in there.
//!
//! | word | `bias` | who holds it |
//! |---|---|---|
//! | free | none | nobody |
//! | held | none | whoever took the word, or took the bias away |
//! | held | P | P while its `inside` is set, otherwise nobody |
//!
//! Invariants:
//! - One `inside` serves all locks that are biased to its P, and is set for all of them at once. So **nothing waits
//!   while it is set**: an owner that is inside never waits for a lock, and those who wait for it wait for a few dozen
//!   instructions. A select that holds several locks either has all of them by the flag, or all by the word.
//! - A P's `inside` is written by the M that holds the P, in a section, so the P cannot be taken away meanwhile.
//! - What is next to the word, [`Streak`], belongs to whoever holds the word.
//! - A bias is granted by its future owner, who holds the word, at the moment it would release it.
//!
//! A lock whose bias was taken away has to be taken [`FIRST_STREAK`] times in a row by one P for the next, and twice as
//! often each time: taking it away costs a system call of about a microsecond, and so never more than a small part of what
//! the bias has saved. Where the system has no `membarrier`, no lock is ever biased.
//!
//! Sources: Dice, Huang, Yang, "Asymmetric Dekker Synchronization" (2001); Kawachiya, Koseki, Onodera, "Lock Reservation"
//! (2002). Their flag is in the lock, which a thread that was slow to look at the bias could clear for a later owner; hence
//! the flag of the P.
#![expect(
    unsafe_code,
    reason = "a lock whose release is a promise of the caller"
)]

use core::cell::Cell;
use core::ptr;

use super::section::light_fence;
use super::spin::{RawSpin, wait_until};
use super::sync::{self, AtomicBool, AtomicPtr, Ordering};

/// So many times in a row one P has to take the lock before it is biased to it.
const FIRST_STREAK: u32 = if cfg!(loom) { 1 } else { 128 };
/// The most that can be asked for.
const LAST_STREAK: u32 = 1 << 24;

/// One P's flag; see the module.
pub(crate) struct Owner {
    /// The P is inside of locks that are biased to it; written by the M that holds the P.
    inside: AtomicBool,
}

/// The lock; see the module. Half a cache line, so that what it guards can begin in the same.
#[repr(C)]
pub(crate) struct Biased {
    /// Held by the holder, or for the owner of the bias.
    word: RawSpin,
    /// The bias was the holder's own before it took the word; it is to have it again. For the holder of the word.
    restore: Cell<bool>,
    /// The P to which the lock is biased, or null. Set by the holder of the word, to its own P; taken away by anybody,
    /// who then has the word.
    bias: AtomicPtr<Owner>,
    /// For the holder of the word.
    streak: Streak,
}

/// Who takes the lock again and again.
#[repr(C)]
struct Streak {
    /// Who took the word last, or null for a plain thread.
    last: Cell<*const Owner>,
    /// How often in a row it has.
    times: Cell<u32>,
    /// How often it must to get the bias.
    wanted: Cell<u32>,
}

// SAFETY: `streak` is touched by the holder of the word alone.
unsafe impl Sync for Biased {}
// SAFETY: `last` is compared, and never followed.
unsafe impl Send for Biased {}

/// How a lock is held, for the release.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// By the owner's flag.
    Inside,
    /// By the word.
    Word,
}

impl Owner {
    sync::const_fn! {
        /// A P that is in no lock.
        pub(crate) fn new() -> Self {
            Self { inside: AtomicBool::new(false) }
        }
    }

    /// Sets the flag, to look at one or several locks by [`Biased::is_mine`]. To be ended by [`leave`](Self::leave) before
    /// anything is waited for. For the M that holds the P, in a section.
    #[inline(always)]
    pub(crate) fn enter(&self) {
        debug_assert!(
            !self.inside.load(Ordering::Relaxed),
            "an owner inside takes no other lock"
        );
        self.inside.store(true, Ordering::Relaxed);
        // Partner: the heavy fence in `revoke`.
        light_fence();
    }

    /// Clears the flag: the P is out of all locks that it held by it.
    #[inline(always)]
    pub(crate) fn leave(&self) {
        // Release: whoever takes a bias away and then sees this sees what was done inside.
        self.inside.store(false, Ordering::Release);
    }
}

impl Biased {
    sync::const_fn! {
        /// A free lock, biased to nobody.
        pub(crate) fn new() -> Self {
            Self {
                word: RawSpin::new(),
                restore: Cell::new(false),
                bias: AtomicPtr::new(ptr::null_mut()),
                streak: Streak {
                    last: Cell::new(ptr::null()),
                    times: Cell::new(0),
                    wanted: Cell::new(FIRST_STREAK),
                },
            }
        }
    }

    /// Whether the lock is biased to this P: if so, and the P's flag was set before, the P holds it.
    #[inline(always)]
    pub(crate) fn is_mine(&self, owner: &'static Owner) -> bool {
        ptr::eq(self.bias.load(Ordering::Relaxed), owner)
    }

    /// Acquires the lock for a P, or for a plain thread. The caller is in a section, and stays there until it has
    /// released the lock.
    #[inline(always)]
    pub(crate) fn lock(&self, owner: Option<&'static Owner>) -> Hold {
        if let Some(owner) = owner
            && self.is_mine(owner)
        {
            owner.enter();
            if self.is_mine(owner) {
                return Hold::Inside;
            }
            owner.leave();
        }
        self.lock_word(owner);
        Hold::Word
    }

    /// Releases the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, by [`lock`](Self::lock) with the same owner, in the way of `hold`, and keeps no
    /// reference to what it guards.
    #[inline(always)]
    pub(crate) unsafe fn unlock(&self, owner: Option<&'static Owner>, hold: Hold) {
        match (hold, owner) {
            (Hold::Inside, Some(owner)) => owner.leave(),
            // SAFETY: the caller's promise.
            _ => unsafe { self.unlock_word(owner) },
        }
    }

    /// Acquires the lock by its word, also if it is biased to the caller: for one who holds several.
    #[inline]
    pub(crate) fn lock_word(&self, owner: Option<&'static Owner>) {
        #[cfg(loom)]
        if owner.is_none() {
            // A model without Ms: nothing is biased, and the word has turns.
            self.word.lock();
            return;
        }
        if !self.word.try_lock() {
            self.lock_word_slow(owner);
        }
        self.streak.note(owner);
    }

    /// Releases the lock, or keeps it for the caller's P if that has earned the bias.
    ///
    /// # Safety
    ///
    /// As for [`unlock`](Self::unlock), by [`lock_word`](Self::lock_word).
    #[inline]
    pub(crate) unsafe fn unlock_word(&self, owner: Option<&'static Owner>) {
        #[cfg(loom)]
        if owner.is_none() {
            // SAFETY: the caller's promise.
            return unsafe { self.word.unlock() };
        }
        if (self.restore.get() || self.streak.is_long())
            && let Some(owner) = owner
            && self.earns(owner)
        {
            self.bias
                .store(ptr::from_ref(owner).cast_mut(), Ordering::Release);
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { self.word.release() };
    }

    #[cold]
    #[inline(never)]
    fn lock_word_slow(&self, owner: Option<&'static Owner>) {
        self.word.lock_or(|| self.revoke(owner));
    }

    /// Takes the bias away, if there is one: the word is the caller's then. The owner itself only exchanges the one for the
    /// other.
    fn revoke(&self, owner: Option<&'static Owner>) -> bool {
        let bias = self.bias.load(Ordering::Relaxed);
        if bias.is_null() {
            return false;
        }
        if self
            .bias
            .compare_exchange(bias, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        if owner.is_some_and(|owner| ptr::eq(owner, bias)) {
            self.restore.set(true);
            return true;
        }
        heavy_fence();
        // SAFETY: an address from `unlock_word`, of an owner that lives for ever.
        let before = unsafe { &*bias };
        wait_until(|| !before.inside.load(Ordering::Acquire));
        self.streak.lost();
        true
    }

    /// Whether the bias is to be granted to this P, which holds the word.
    #[cold]
    fn earns(&self, owner: &'static Owner) -> bool {
        self.restore.set(false);
        self.streak.times.set(0);
        ptr::eq(self.streak.last.get(), owner) && can_revoke()
    }
}

impl Streak {
    /// The caller's P, or a plain thread, has taken the word.
    #[inline]
    fn note(&self, owner: Option<&'static Owner>) {
        let at = owner.map_or(ptr::null(), ptr::from_ref);
        if ptr::eq(self.last.replace(at), at) {
            // A plain thread never gets the bias, and so counts on.
            self.times.set(self.times.get().saturating_add(1));
        } else {
            self.times.set(0);
        }
    }

    /// Whether it has been taken often enough.
    #[inline]
    fn is_long(&self) -> bool {
        self.times.get() >= self.wanted.get()
    }

    /// Another has taken the bias away.
    fn lost(&self) {
        self.times.set(0);
        self.wanted
            .set(self.wanted.get().saturating_mul(2).min(LAST_STREAK));
    }
}

#[cfg(not(loom))]
fn heavy_fence() {
    super::barrier::heavy();
}

/// Whether a bias that is granted could be taken away.
#[cfg(not(loom))]
fn can_revoke() -> bool {
    super::barrier::is_ready()
}

// Loom knows no asymmetric fences. Partner: the light fence, which is a full one in a model.
#[cfg(loom)]
fn heavy_fence() {
    sync::fence(Ordering::SeqCst);
}

#[cfg(loom)]
fn can_revoke() -> bool {
    true
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn owner() -> &'static Owner {
        Box::leak(Box::new(Owner::new()))
    }

    /// Locks and unlocks, and returns how.
    fn use_once(lock: &Biased, owner: &'static Owner) -> Hold {
        let _inside = super::super::section::enter();
        let hold = lock.lock(Some(owner));
        // SAFETY: locked in the line before.
        unsafe { lock.unlock(Some(owner), hold) };
        hold
    }

    #[test]
    fn who_takes_a_lock_again_and_again_gets_it_by_the_flag_until_another_wants_it() {
        super::super::barrier::init();
        if !super::super::barrier::is_ready() {
            return;
        }
        let (a, b) = (owner(), owner());
        let lock = Biased::new();
        for _ in 0..=FIRST_STREAK {
            assert_eq!(use_once(&lock, a), Hold::Word);
        }
        assert_eq!(use_once(&lock, a), Hold::Inside);
        // Several locks at once: by the word, and biased again afterwards.
        lock.lock_word(Some(a));
        assert!(!lock.is_mine(a));
        // SAFETY: locked above.
        unsafe { lock.unlock_word(Some(a)) };
        assert_eq!(use_once(&lock, a), Hold::Inside);
        assert_eq!(use_once(&lock, b), Hold::Word);
        for _ in 0..FIRST_STREAK * 2 {
            assert_eq!(use_once(&lock, a), Hold::Word);
        }
        let _ = use_once(&lock, a);
        assert_eq!(use_once(&lock, a), Hold::Inside);
    }

    #[test]
    fn a_plain_thread_may_take_a_lock_as_often_as_it_likes() {
        let lock = Biased::new();
        lock.streak.times.set(u32::MAX);
        let hold = lock.lock(None);
        assert!(lock.streak.is_long());
        // SAFETY: locked above.
        unsafe { lock.unlock(None, hold) };
        assert!(lock.word.try_lock());
    }

    #[test]
    fn a_bias_taken_away_under_way_leaves_one_holder() {
        super::super::barrier::init();
        let lock = Biased::new();
        let count = core::sync::atomic::AtomicU64::new(0);
        const TIMES: u64 = 200_000;
        std::thread::scope(|scope| {
            for times in [TIMES, TIMES / 200, TIMES / 500] {
                let (lock, count) = (&lock, &count);
                scope.spawn(move || {
                    let owner = owner();
                    for turn in 0..times {
                        let hold = lock.lock(Some(owner));
                        let now = count.load(Ordering::Relaxed);
                        count.store(now + 1, Ordering::Relaxed);
                        // SAFETY: locked above.
                        unsafe { lock.unlock(Some(owner), hold) };
                        if times < TIMES && turn.is_multiple_of(8) {
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        let all = TIMES + TIMES / 200 + TIMES / 500;
        assert_eq!(count.load(Ordering::Relaxed), all);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::sync::SharedCell;
    use loom::sync::Arc;
    use loom::thread;

    struct Shared {
        lock: Biased,
        data: SharedCell<u32>,
    }

    fn owner() -> &'static Owner {
        Box::leak(Box::new(Owner::new()))
    }

    /// Takes the lock once. Loom checks that whoever holds it is alone, and sees what the one before did.
    fn use_once(shared: &Shared, owner: &'static Owner) {
        let hold = shared.lock.lock(Some(owner));
        let _ = shared.data.exclusive();
        // SAFETY: locked above.
        unsafe { shared.lock.unlock(Some(owner), hold) };
    }

    /// As [`use_once`], in the way of one that holds several.
    fn use_word(shared: &Shared, owner: &'static Owner) {
        shared.lock.lock_word(Some(owner));
        let _ = shared.data.exclusive();
        // SAFETY: locked above.
        unsafe { shared.lock.unlock_word(Some(owner)) };
    }

    fn model(first: fn(&Shared, &'static Owner), second: fn(&Shared, &'static Owner)) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let shared = Arc::new(Shared {
                lock: Biased::new(),
                data: SharedCell::new(0),
            });
            let (a, b) = (owner(), owner());
            // Biased to `a` after this.
            for _ in 0..=FIRST_STREAK {
                use_once(&shared, a);
            }
            assert!(shared.lock.is_mine(a));
            let other = {
                let shared = shared.clone();
                thread::spawn(move || second(&shared, b))
            };
            first(&shared, a);
            other.join().unwrap();
        });
    }

    #[test]
    fn loom_a_biased_lock_has_one_holder_while_the_bias_is_taken_away() {
        model(
            |shared, a| {
                use_once(shared, a);
                use_once(shared, a);
            },
            |shared, b| use_once(shared, b),
        );
    }

    /// The other gets the bias itself.
    #[test]
    fn loom_a_bias_passes_from_one_owner_to_another() {
        model(
            |shared, a| {
                use_once(shared, a);
                use_once(shared, a);
            },
            |shared, b| {
                for _ in 0..3 {
                    use_once(shared, b);
                }
            },
        );
    }

    /// The owner, in a select, exchanges the bias for the word and back.
    #[test]
    fn loom_an_owner_that_takes_the_word_excludes_the_others() {
        model(
            |shared, a| {
                use_word(shared, a);
                use_once(shared, a);
            },
            |shared, b| use_once(shared, b),
        );
    }
}
