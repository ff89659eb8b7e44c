//! `Once`: code that runs once, whoever comes first.
//!
//! The word says how far it is; who has to wait stands in a list behind a lock of its own. Who runs stores the end in
//! the word *before* it takes that lock to wake, and who waits looks at the word *under* that lock: either it sees the
//! end there, or it is in the list when the other looks.
//!
//! A wake-up hands nothing over here; who was woken looks at the word again.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::goroutine::Reason;
use crate::primitive::spin::Spin;
use crate::primitive::sync;
use crate::protocol::once::{Begin, OnceWord, Progress};
use crate::sched;
use crate::sync::line::{self, Line};
use crate::wait::{Task, WaitList, Wakes};

/// Runs something once, and lets all others wait until that has happened.
///
/// It differs from [`std::sync::Once`] in that goroutines park and do not block their threads. A panic in the closure
/// poisons it: then later calls panic too, except [`call_once_force`](Self::call_once_force). (In Go a panic counts
/// as done.)
///
/// # Examples
///
/// ```
/// use csp::sync::Once;
///
/// static START: Once = Once::new();
///
/// let mut runs = 0;
/// for _ in 0..3 {
///     START.call_once(|| runs += 1);
/// }
/// assert_eq!(runs, 1);
/// assert!(START.is_completed());
/// ```
pub struct Once {
    word: OnceWord,
    waiters: Spin<WaitList>,
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// What [`Once::call_once_force`] tells its closure.
#[derive(Debug)]
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// Whether the run before this one panicked.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

/// What a wait does with a panic of another's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Poison {
    /// It panics, in the name of this type.
    Panic(&'static str),
    /// It overlooks it.
    Ignore,
}

impl Once {
    sync::const_fn! {
        /// Makes one that has not run.
        pub fn new() -> Self {
            Self { word: OnceWord::new(), waiters: Spin::new(WaitList::new()) }
        }
    }

    /// Runs `f` if nothing has been run here before; if something runs now, waits until it has ended.
    ///
    /// What it did is visible to all whose call has returned. A call from within `f` waits for ever.
    ///
    /// # Panics
    ///
    /// If the first call panicked.
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.is_completed() {
            self.run(Poison::Panic("Once"), |_| f());
        }
    }

    /// Runs `f` if nothing has been run here to its end, even if a call before has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::sync::Once;
    /// use std::panic;
    ///
    /// static ONCE: Once = Once::new();
    ///
    /// let first = panic::catch_unwind(|| ONCE.call_once(|| panic!("on purpose")));
    /// assert!(first.is_err());
    /// assert!(panic::catch_unwind(|| ONCE.call_once(|| {})).is_err());
    /// ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    /// ONCE.call_once(|| unreachable!());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.is_completed() {
            self.run(Poison::Ignore, f);
        }
    }

    /// Whether a call has run to its end.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.word.is_complete()
    }

    /// Waits until a call has run to its end.
    ///
    /// # Panics
    ///
    /// If a call has panicked.
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_completed() {
            self.wait_slow(Poison::Panic("Once"));
        }
    }

    /// Waits until a call has run to its end, even if one before has panicked.
    #[inline]
    #[track_caller]
    pub fn wait_force(&self) {
        if !self.is_completed() {
            self.wait_slow(Poison::Ignore);
        }
    }

    /// Runs `f`, or waits until somebody else has run to the end.
    #[cold]
    #[track_caller]
    pub(super) fn run<F: FnOnce(&OnceState)>(&self, poison: Poison, f: F) {
        if let Some(mut run) = self.begin(poison) {
            f(&run.state);
            run.complete = true;
        }
    }

    /// Lets the caller run, or waits until somebody else has run to the end.
    #[track_caller]
    fn begin(&self, poison: Poison) -> Option<Run<'_>> {
        let line = Line::forever(Reason::Once);
        loop {
            match self.word.begin(poison == Poison::Ignore) {
                Begin::Run { poisoned } => {
                    return Some(Run {
                        once: self,
                        state: OnceState { poisoned },
                        complete: false,
                    });
                }
                Begin::No(Progress::Complete) => return None,
                Begin::No(Progress::Poisoned) => poison.panic(),
                Begin::No(_) => self.wait_while(line, |progress| progress == Progress::Running),
            }
        }
    }

    #[cold]
    #[track_caller]
    fn wait_slow(&self, poison: Poison) {
        let line = Line::forever(Reason::Once);
        loop {
            match self.word.progress() {
                Progress::Complete => return,
                Progress::Poisoned if poison != Poison::Ignore => poison.panic(),
                _ => self.wait_while(line, |progress| {
                    progress != Progress::Complete
                        && (progress != Progress::Poisoned || poison == Poison::Ignore)
                }),
            }
        }
    }

    /// Waits for the end of a run, if how far it is calls for that under the lock.
    fn wait_while(&self, line: Line, waits: impl Fn(Progress) -> bool) {
        Task::warm_up();
        sched::checkpoint();
        let waiters = self.waiters.lock();
        if waits(self.word.progress()) {
            let ended = line.wait(&self.waiters, waiters, |waiters| waiters, 0);
            debug_assert!(ended.is_ok(), "a wait without a deadline");
        }
    }
}

impl Poison {
    #[cold]
    #[track_caller]
    fn panic(self) -> ! {
        match self {
            Self::Panic(name) => panic!("{name} instance has previously been poisoned"),
            Self::Ignore => unreachable!("poison was to be overlooked"),
        }
    }
}

/// A run of the closure; ends, by return or panic, when it is dropped.
struct Run<'a> {
    once: &'a Once,
    /// What the closure is told.
    state: OnceState,
    /// Whether the closure has returned.
    complete: bool,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.once.word.finish(self.complete);
        let mut waiters = self.once.waiters.lock();
        let mut wakes = Wakes::new();
        line::claim_all(&mut waiters, &mut wakes);
        line::unlock_and_wake(waiters, wakes);
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod model {
    use loom::sync::Arc;
    use loom::thread;

    use super::{Once, Poison};
    use crate::primitive::model::{Plain, check};

    /// A word that the closure changes, not atomically.
    struct Shared {
        once: Once,
        word: Plain,
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                once: Once::new(),
                word: Plain::new(),
            })
        }

        fn bump(&self) {
            self.word.set(self.word.get() + 1);
        }

        fn get(&self) -> u32 {
            self.word.get()
        }
    }

    #[test]
    fn loom_one_runs_and_all_see_what_it_did() {
        check(3, || {
            let shared = Shared::new();
            let others: Vec<_> = [true, false]
                .into_iter()
                .map(|runs| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        if runs {
                            shared.once.call_once(|| shared.bump());
                        } else {
                            shared.once.wait();
                        }
                        assert_eq!(shared.get(), 1);
                    })
                })
                .collect();
            shared.once.call_once(|| shared.bump());
            assert_eq!(shared.get(), 1);
            for other in others {
                other.join().unwrap();
            }
        });
    }

    /// One fails at its run, if it is the first; the next one runs with what that left, and a third waits for the
    /// success. Loom's threads cannot wait while they unwind, so the failure is a run that ends without a return.
    #[test]
    fn loom_a_panic_poisons_and_wakes_those_who_wait() {
        check(3, || {
            let shared = Shared::new();
            let fails = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let run = shared.once.begin(Poison::Ignore);
                    run.is_some_and(|_run| {
                        shared.bump();
                        true
                    })
                })
            };
            let waits = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.once.wait_force();
                    shared.get()
                })
            };
            let mut poisoned = false;
            shared.once.call_once_force(|state| {
                poisoned = state.is_poisoned();
                shared.bump();
            });
            let seen = shared.get();
            assert_eq!(seen, 1 + u32::from(poisoned));
            assert_eq!(fails.join().unwrap(), poisoned);
            assert_eq!(waits.join().unwrap(), seen);
        });
    }
}
