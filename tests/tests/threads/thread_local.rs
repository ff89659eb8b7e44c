//! What a goroutine got from a thread-local stays with the thread, however much goroutines are moved.
//!
//! Each case is a round that many goroutines repeat at once: take something from a thread-local, wait, and see whether it
//! still is the thread's. The waits end in the global queue, where any M takes the goroutine from (a plain thread
//! answers), so that without the guard nearly every wait ends on another thread.
//!
//! Every case runs in children: with the guard, where nothing may go wrong for any number of Ps, and without it
//! (`CSP_MIGRATION_GUARD=0`), where the child must notice that it is on the wrong thread. The latter keeps the cases
//! honest: a round that could not fail would show nothing.
//!
//! Which addresses the compiler keeps is its choice: the two cases about cached addresses can fail only in optimised
//! builds, and only there are they required to.

use csp::{Receiver, Sender};
use csp_tests::{LIMIT, child, with_procs, within};
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, ThreadId};

/// Goroutines at once, and rounds of each.
const GOROUTINES: usize = 32;
const ROUNDS: usize = 200;
/// Threads that end waits.
const ANSWERERS: usize = 2;
/// Status of a child that found itself on the wrong thread.
const WRONG: i32 = 3;

/// The thread's number; never inlined, so that it is looked up at each call.
#[inline(never)]
fn here() -> ThreadId {
    thread::current().id()
}

/// What one goroutine waits with.
struct Waits {
    ask: Sender<Sender<()>>,
    answer: (Sender<()>, Receiver<()>),
}

impl Waits {
    fn new(ask: &Sender<Sender<()>>) -> Self {
        Self {
            ask: ask.clone(),
            answer: csp::channel(1),
        }
    }

    /// Waits until a plain thread answers, and lets others run.
    #[inline(never)]
    fn wait(&self) {
        let answer = self.answer.0.clone();
        self.ask.send(answer).expect("the threads answer");
        self.answer.1.recv().expect("an answer comes");
        csp::yield_now();
    }
}

/// Starts the threads that answer; they end with the last `Sender`.
fn answerers() -> Sender<Sender<()>> {
    let (ask, asked) = csp::unbounded::<Sender<()>>();
    for _ in 0..ANSWERERS {
        let asked = asked.clone();
        thread::spawn(move || {
            for answer in &asked {
                answer.send(()).expect("the goroutine waits");
            }
        });
    }
    ask
}

/// Runs the round in many goroutines, many times.
fn repeat(round: fn(&Waits)) {
    within(LIMIT, || {
        let ask = answerers();
        let goroutines: Vec<_> = (0..GOROUTINES)
            .map(|_| {
                let waits = Waits::new(&ask);
                csp::go!({
                    for _ in 0..ROUNDS {
                        round(&waits);
                    }
                })
            })
            .collect();
        for goroutine in goroutines {
            goroutine.join().expect("no round panics");
        }
    });
}

/// Ends the process: something of another thread is in use.
#[cold]
fn wrong(what: &str) -> ! {
    println!("wrong thread: {what}");
    process::exit(WRONG)
}

/// Runs a case with and without the guard; `must_fail` says whether it is required to fail without.
fn case(test: &str, must_fail: bool, round: fn(&Waits)) {
    for procs in ["2", "4", "16"] {
        child(test, &[("GOMAXPROCS", procs)], || repeat(round)).code(0);
    }
    let off = [("GOMAXPROCS", "4"), ("CSP_MIGRATION_GUARD", "0")];
    let mut without = child(test, &off, || repeat(round));
    if must_fail {
        // Not if the machine lets only one of the threads run.
        for _ in 0..9 {
            if without.code == Some(0) {
                without = child(test, &off, || repeat(round));
            }
        }
        without.code(WRONG).stdout("wrong thread");
    }
}

/// A thread-local that knows its thread and needs a destructor.
struct Owned {
    thread: ThreadId,
    uses: Cell<u64>,
    _heap: Box<u64>,
}

impl Owned {
    fn new() -> Self {
        Self {
            thread: here(),
            uses: Cell::new(0),
            _heap: Box::new(0),
        }
    }
}

thread_local! {
    static LAZY: Owned = Owned::new();
    static CONST: Cell<Option<ThreadId>> = const { Cell::new(None) };
    static USES: Cell<u64> = const { Cell::new(0) };
    static COUNTED: Rc<Counted> = Rc::new(Counted { thread: here(), holders: Cell::new(0) });
    static SCOPED: Cell<*const Owned> = const { Cell::new(ptr::null()) };
    static BORROWED: RefCell<Vec<ThreadId>> = RefCell::new(vec![here()]);
}

#[test]
fn a_lazily_initialised_one_used_on_both_sides_of_a_wait() {
    case(
        "a_lazily_initialised_one_used_on_both_sides_of_a_wait",
        cfg!(not(debug_assertions)),
        |waits| {
            for _ in 0..4 {
                LAZY.with(|own| own.uses.set(own.uses.get() + 1));
                waits.wait();
                LAZY.with(|own| {
                    own.uses.set(own.uses.get() + 1);
                    if own.thread != here() {
                        wrong("its lazily initialised thread-local");
                    }
                });
            }
        },
    );
}

#[test]
fn a_const_initialised_one_used_on_both_sides_of_a_wait() {
    case(
        "a_const_initialised_one_used_on_both_sides_of_a_wait",
        cfg!(not(debug_assertions)),
        |waits| {
            for _ in 0..4 {
                // As a pointer: of one that the compiler sees through it would compute the address anew at each use.
                CONST.with(|own| black_box(own).set(Some(here())));
                waits.wait();
                CONST.with(|own| {
                    // Nobody has used it on this thread, or this thread has.
                    if black_box(own).get().is_some_and(|thread| thread != here()) {
                        wrong("its const-initialised thread-local");
                    }
                });
            }
        },
    );
}

#[test]
fn one_held_by_with_across_a_wait() {
    case("one_held_by_with_across_a_wait", true, |waits| {
        LAZY.with(|own| {
            waits.wait();
            if own.thread != here() {
                wrong("what `with` gave");
            }
        });
        USES.with(|uses| {
            // As a pointer, as above.
            let uses = black_box(uses);
            let before = here();
            uses.set(uses.get() + 1);
            waits.wait();
            uses.set(uses.get() + 1);
            if before != here() {
                wrong("what `with` gave");
            }
        });
        BORROWED.with_borrow(|own| {
            waits.wait();
            if own[0] != here() {
                wrong("what `with_borrow` gave");
            }
        });
    });
}

/// What an `Rc` counts is counted a second time.
struct Counted {
    thread: ThreadId,
    holders: Cell<usize>,
}

/// A clone of the thread's `Rc`, with the second count.
struct Holder(Rc<Counted>);

impl Holder {
    fn new() -> Self {
        let counted = COUNTED.with(Rc::clone);
        counted.holders.set(counted.holders.get() + 1);
        Self(counted)
    }

    fn check(&self) {
        if self.0.thread != here() {
            wrong("its clone of an Rc");
        }
        assert_eq!(Rc::strong_count(&self.0), self.0.holders.get() + 1);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.holders.set(self.0.holders.get() - 1);
    }
}

#[test]
fn a_clone_of_an_rc_kept_across_waits() {
    case("a_clone_of_an_rc_kept_across_waits", true, |waits| {
        let first = Holder::new();
        waits.wait();
        first.check();
        let second = Holder::new();
        first.check();
        drop(first);
        waits.wait();
        second.check();
    });
}

#[test]
fn a_random_generator_kept_across_waits() {
    use rand::Rng;
    case("a_random_generator_kept_across_waits", true, |waits| {
        let mut rng = rand::rng();
        for _ in 0..3 {
            let before = here();
            let _: u64 = black_box(rng.random());
            waits.wait();
            if before != here() {
                wrong("its random generator");
            }
        }
        let _: u64 = black_box(rng.random());
    });
}

#[test]
fn an_epoch_guard_kept_across_waits() {
    use crossbeam_epoch::{Owned, pin};
    case("an_epoch_guard_kept_across_waits", true, |waits| {
        let before = here();
        let guard = pin();
        let garbage = Owned::new(7_u64).into_shared(&guard);
        waits.wait();
        // The value is leaked: to free it would take unsafe code.
        let pinned = crossbeam_epoch::is_pinned();
        if !pinned || before != here() {
            wrong("its epoch guard");
        }
        black_box(garbage);
        guard.flush();
    });
}

/// Lends a value to a thread-local while `body` runs, as scoped thread-locals do; false if it is lent another already,
/// by a goroutine that waits on the same thread.
#[inline(never)]
fn lend(value: &Owned, body: impl FnOnce()) -> bool {
    // As a pointer: the compiler would leave out a store that nobody reads.
    let is_free = SCOPED.with(|scoped| black_box(scoped).get().is_null());
    if is_free {
        SCOPED.with(|scoped| black_box(scoped).set(value));
        body();
        SCOPED.with(|scoped| black_box(scoped).set(ptr::null()));
    }
    is_free
}

#[test]
fn a_scoped_one_that_points_to_the_stack() {
    case("a_scoped_one_that_points_to_the_stack", true, |waits| {
        let own = Owned::new();
        let was_free = lend(&own, || {
            waits.wait();
            if own.thread != here() {
                wrong("its scoped thread-local");
            }
        });
        if !was_free {
            waits.wait();
        }
    });
}

/// Waits while it is dropped, and sees on which thread and in which state.
struct WaitsInDrop(Waits);

impl Drop for WaitsInDrop {
    fn drop(&mut self) {
        for _ in 0..4 {
            let before = here();
            assert!(thread::panicking());
            self.0.wait();
            assert_eq!(before, here(), "an unwinding goroutine moved");
            assert!(thread::panicking());
        }
    }
}

#[test]
fn an_unwinding_goroutine_keeps_its_thread_and_its_panic() {
    with_procs(&[2, 4, 16], |_| {
        within(LIMIT, || {
            let ask = answerers();
            let over = Arc::new(AtomicBool::new(false));
            let looks = Arc::new(AtomicU32::new(0));
            let watchers: Vec<_> = (0..8)
                .map(|_| {
                    let waits = Waits::new(&ask);
                    csp::go!(clone(over, looks) => {
                        while !over.load(Ordering::Relaxed) {
                            assert!(!thread::panicking(), "another goroutine's panic is seen");
                            waits.wait();
                            looks.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let unwinding: Vec<_> = (0..8)
                .map(|_| {
                    let ask = ask.clone();
                    csp::go!({
                        for _ in 0..25 {
                            let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
                                let _waits = WaitsInDrop(Waits::new(&ask));
                                // As a panic, but without the message.
                                panic::resume_unwind(Box::new("unwound"));
                            }));
                            assert!(unwound.is_err());
                            assert!(!thread::panicking());
                        }
                    })
                })
                .collect();
            for goroutine in unwinding {
                goroutine.join().expect("each unwinds on its thread");
            }
            over.store(true, Ordering::Relaxed);
            for goroutine in watchers {
                goroutine.join().expect("nobody saw a panic");
            }
            assert!(looks.load(Ordering::Relaxed) > 0);
        });
    });
}
