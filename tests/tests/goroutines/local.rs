//! Goroutine-locals: `csp::local!`.
//!
//! * every goroutine has its own value, made at its first use and kept where it is while it waits;
//! * it is destroyed on the goroutine, newest first, before join, wait group and scope see the end;
//! * what std documents for `thread_local!` holds: access during and after destruction, recursive initialisation, `set`
//!   without the initialiser;
//! * a slot that is used again shows nothing of the goroutine before;
//! * on a plain thread the value is the thread's.

use csp::{WaitGroup, channel, go, scope};
use csp_tests::{LIMIT, everywhere, settle, with_procs, within};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where destructors say that they have run.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// Runs its closure when it is dropped.
struct AtEnd(Option<Box<dyn FnOnce() + Send>>);

impl AtEnd {
    fn new(f: impl FnOnce() + Send + 'static) -> Self {
        AtEnd(Some(Box::new(f)))
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

csp::local! {
    static COUNT: Cell<u32> = Cell::new(0);
    /// Const, and public.
    pub static NAME: RefCell<String> = const { RefCell::new(String::new()) };
    static FIRST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static SECOND: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static THIRD: RefCell<Option<AtEnd>> = const { RefCell::new(None) }
}

/// Runs `body` under the watchdog with so many Ps.
fn on(procs: usize, body: fn()) {
    with_procs(&[procs], |_| within(LIMIT, body));
}

fn note(log: &Log, text: &'static str) {
    log.lock().unwrap().push(text);
}

fn noted(log: &Log) -> Vec<&'static str> {
    log.lock().unwrap().clone()
}

#[test]
fn every_goroutine_has_a_value_of_its_own_across_waits() {
    everywhere(|peers| {
        let (tx, rx) = channel::<()>(0);
        let tasks: Vec<_> = (1..=8)
            .map(|n| {
                let rx = rx.clone();
                peers.spawn(move || {
                    assert_eq!(COUNT.replace(n), 0);
                    NAME.with_borrow_mut(|name| name.push_str("waits"));
                    let address = NAME.with(|name| {
                        rx.recv();
                        std::ptr::from_ref(name).addr()
                    });
                    let now = NAME.with(|name| std::ptr::from_ref(name).addr());
                    assert_eq!(address, now, "the value has not moved");
                    assert_eq!(NAME.take(), "waits");
                    COUNT.get()
                })
            })
            .collect();
        for _ in 0..8 {
            tx.send(()).unwrap();
        }
        let seen: Vec<u32> = tasks.into_iter().map(|task| task.join()).collect();
        assert_eq!(seen, (1..=8).collect::<Vec<_>>());
    });
}

#[test]
fn a_reused_slot_shows_nothing_of_the_goroutine_before() {
    on(1, || {
        for n in 1..200 {
            let handle = csp::Builder::new()
                .name(format!("worker {n}"))
                .spawn(move || {
                    assert_eq!(COUNT.replace(n), 0);
                    NAME.with_borrow_mut(|name| {
                        assert!(name.is_empty());
                        name.push('x');
                    });
                })
                .unwrap();
            assert_eq!(handle.name(), Some(&*format!("worker {n}")));
            handle.join().unwrap();
            let unnamed = go!({ COUNT.get() });
            assert_eq!(unnamed.name(), None);
            assert_eq!(unnamed.join().unwrap(), 0);
        }
    });
}

#[test]
fn values_are_destroyed_newest_first_before_a_join_returns() {
    on(2, || {
        for fails in [false, true] {
            let log = Log::default();
            let handle = go!(clone(log) => {
                let (a, b, c) = (log.clone(), log.clone(), log.clone());
                SECOND.set(Some(AtEnd::new(move || note(&a, "second"))));
                FIRST.set(Some(AtEnd::new(move || note(&b, "first"))));
                let _frame = AtEnd::new(move || note(&c, "frame"));
                assert!(!fails, "on purpose");
            });
            assert_eq!(handle.join().is_err(), fails);
            assert_eq!(noted(&log), ["frame", "first", "second"]);
        }
    });
}

#[test]
fn wait_groups_and_scopes_see_the_end_after_the_destructors() {
    on(2, || {
        for fails in [false, true] {
            let ended = Arc::new(AtomicUsize::new(0));
            let leave = move |ended: Arc<AtomicUsize>| {
                let (tx, rx) = channel::<()>(0);
                go!({
                    settle();
                    tx.send(())
                });
                FIRST.set(Some(AtEnd::new(move || {
                    rx.recv();
                    ended.fetch_add(1, Ordering::SeqCst);
                })));
                assert!(!fails, "on purpose");
            };
            let wg = WaitGroup::new();
            for _ in 0..4 {
                go!(in wg, clone(ended) => leave(ended));
            }
            wg.wait();
            assert_eq!(ended.load(Ordering::SeqCst), 4);
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                scope(|s| {
                    for _ in 0..4 {
                        go!(in s, clone(ended) => leave(ended));
                    }
                });
            }));
            assert_eq!(outcome.is_err(), fails);
            assert_eq!(ended.load(Ordering::SeqCst), 8);
        }
    });
}

#[test]
fn destructors_may_wait_and_may_use_and_make_other_locals() {
    everywhere(|peers| {
        let log = Log::default();
        let (tx, rx) = channel::<u32>(0);
        let task = peers.spawn({
            let log = log.clone();
            move || {
                COUNT.set(4);
                FIRST.set(Some(AtEnd::new(move || {
                    // Made before, so destroyed after.
                    assert_eq!(COUNT.get(), 4);
                    assert_eq!(rx.recv(), Some(5));
                    note(&log, "first");
                    assert!(FIRST.try_with(|_| {}).is_err(), "being destroyed");
                    SECOND.set(Some(AtEnd::new(move || {
                        note(&log, "made late");
                        THIRD.set(Some(AtEnd::new(move || note(&log, "made later"))));
                    })));
                })));
            }
        });
        tx.send(5).unwrap();
        task.join();
        // A plain thread can be joined before its thread-locals are destroyed, in principle; glibc waits.
        assert_eq!(noted(&log), ["first", "made late", "made later"]);
    });
}

#[test]
fn a_panic_of_a_destructor_is_the_goroutines_and_spares_the_others() {
    on(2, || {
        let log = Log::default();
        let handle = go!(clone(log) => {
            FIRST.set(Some(AtEnd::new(move || note(&log, "first"))));
            SECOND.set(Some(AtEnd::new(|| panic!("from a destructor"))));
            THIRD.set(Some(AtEnd::new(|| panic!("from the newest"))));
            "the result is lost"
        });
        let payload = handle.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"from the newest"));
        assert_eq!(noted(&log), ["first"]);
        // The panic of the body goes before.
        let handle = go!({
            SECOND.set(Some(AtEnd::new(|| panic!("from a destructor"))));
            if true {
                panic!("from the body");
            }
        });
        let payload = handle.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"from the body"));
    });
}

#[test]
fn results_that_nobody_takes_may_use_locals_when_they_are_dropped() {
    on(2, || {
        let (tx, rx) = channel::<&str>(2);
        let (go_on, may_go_on) = channel::<()>(0);
        drop(go!({
            may_go_on.recv();
            COUNT.set(1);
            AtEnd::new(move || {
                assert!(COUNT.try_with(|_| {}).is_err(), "has been destroyed");
                let late = tx.clone();
                FIRST.set(Some(AtEnd::new(move || late.send("local").unwrap())));
                tx.send("result").unwrap();
            })
        }));
        go_on.send(()).unwrap();
        assert_eq!(rx.iter().collect::<Vec<_>>(), ["result", "local"]);
    });
}

#[test]
fn access_after_destruction_panics_and_try_with_says_so() {
    on(1, || {
        let handle = go!({
            FIRST.set(Some(AtEnd::new(|| {
                let error = COUNT.try_with(Cell::get).unwrap_err();
                assert_eq!(error.to_string(), "already destroyed");
                COUNT.get();
            })));
            COUNT.set(1);
        });
        let payload = handle.join().unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(text.starts_with("cannot access a goroutine-local value during or after"));
    });
}

#[test]
fn set_spares_the_initialiser_and_recursion_keeps_the_outer_value() {
    csp::local! {
        static PICKY: Cell<u32> = panic!("not without a value");
        static DEEP: Cell<u32> = {
            let depth = COUNT.get();
            COUNT.set(depth + 1);
            if depth == 0 {
                assert_eq!(DEEP.get(), 2, "the inner value is there meanwhile");
            }
            Cell::new(COUNT.get() - depth + if depth == 0 { 10 } else { 1 })
        };
    }
    everywhere(|peers| {
        let task = peers.spawn(|| {
            PICKY.set(3);
            assert_eq!(PICKY.get(), 3);
            assert_eq!(DEEP.get(), 12);
            assert_eq!(DEEP.replace(1), 12);
        });
        task.join();
        let task = peers.spawn(|| {
            assert!(catch_unwind(|| PICKY.get()).is_err());
            PICKY.set(4);
            PICKY.take()
        });
        assert_eq!(task.join(), 4);
    });
}

#[test]
fn arms_of_a_join_have_values_of_their_own() {
    on(2, || {
        COUNT.set(1);
        let arms = csp::join!(COUNT.replace(2), COUNT.replace(3));
        assert_eq!(arms, (0, 0));
        assert_eq!(COUNT.get(), 1);
        COUNT.set(0);
    });
}

#[test]
fn a_plain_threads_value_ends_with_the_thread() {
    within(LIMIT, || {
        let log = Log::default();
        thread::spawn({
            let log = log.clone();
            move || {
                let end = log.clone();
                FIRST.set(Some(AtEnd::new(move || note(&end, "destroyed"))));
                go!(clone(log) => {
                    FIRST.with_borrow(|first| assert!(first.is_none()));
                    note(&log, "goroutine");
                })
                .join()
                .unwrap();
                note(&log, "thread");
            }
        })
        .join()
        .unwrap();
        assert_eq!(noted(&log), ["goroutine", "thread", "destroyed"]);
    });
}

#[test]
fn many_locals_are_found_and_destroyed() {
    macro_rules! many {
        ($($name:ident)*) => {
            csp::local! { $(static $name: RefCell<Vec<AtEnd>> = RefCell::default();)* }
            const MANY: &[&csp::LocalKey<RefCell<Vec<AtEnd>>>] = &[$(&$name),*];
        };
    }
    many!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z);
    on(4, || {
        let ended = Arc::new(AtomicUsize::new(0));
        let wg = WaitGroup::new();
        for start in 0..100 {
            go!(in wg, clone(ended) => {
                for n in 0..MANY.len() {
                    let ended = ended.clone();
                    let key = MANY[(start * 7 + n * 3) % MANY.len()];
                    key.with_borrow_mut(|ends| {
                        ends.push(AtEnd::new(move || {
                            ended.fetch_add(1, Ordering::SeqCst);
                        }));
                    });
                    csp::yield_now();
                }
                let lengths = MANY.iter().map(|key| key.with_borrow(Vec::len));
                assert_eq!(lengths.sum::<usize>(), MANY.len());
            });
        }
        wg.wait();
        assert_eq!(ended.load(Ordering::SeqCst), 100 * MANY.len());
    });
}

/// What `init` and `name` are is the user's business.
fn init() -> Cell<u32> {
    Cell::new(7)
}

#[test]
fn initialisers_see_the_names_around_the_static() {
    csp::local! {
        static FROM_A_FUNCTION: Cell<u32> = init();
        static BORROWED: Cell<&str> = const { Cell::new("text") };
    }
    assert_eq!((FROM_A_FUNCTION.get(), BORROWED.get()), (7, "text"));
}

thread_local!(static SHARED: Rc<Cell<u32>> = Rc::default());
csp::local!(static KEPT: RefCell<Option<Rc<Cell<u32>>>> = const { RefCell::new(None) });

/// Not inlined, so that no address is kept from one call to the next.
#[inline(never)]
fn thread_now() -> std::thread::ThreadId {
    std::thread::current().id()
}

#[inline(never)]
fn keep_a_handle() {
    KEPT.set(Some(SHARED.with(Rc::clone)));
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn a_goroutine_whose_local_holds_a_threads_handle_keeps_the_thread() {
    with_procs(&[2, 4], |_| {
        within(LIMIT, || {
            let group = WaitGroup::new();
            for _ in 0..16 {
                go!(in group => {
                    keep_a_handle();
                    let before = thread_now();
                    for round in 0..100 {
                        if round % 10 == 0 {
                            csp::time::sleep(std::time::Duration::from_micros(50));
                        } else {
                            csp::yield_now();
                        }
                        assert_eq!(thread_now(), before);
                        KEPT.with_borrow(|kept| {
                            let kept = kept.as_ref().expect("it is kept");
                            kept.set(kept.get() + 1);
                        });
                    }
                });
            }
            group.wait();
        });
    });
}

/// A panic payload that makes a local when it is dropped, and so after the goroutine's locals have ended once.
struct MakesALocal;

impl Drop for MakesALocal {
    fn drop(&mut self) {
        LEFT_BEHIND.with_borrow_mut(|left| *left += 1);
    }
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new(MakesALocal));
    }
}

csp::local!(static LEFT_BEHIND: RefCell<u32> = const { RefCell::new(0) });

#[test]
fn what_the_last_payload_makes_is_gone_for_the_next_goroutine() {
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            for _ in 0..50 {
                let (tx, rx) = channel::<()>(0);
                drop(go!({
                    rx.recv();
                    PanicsInDrop
                }));
                drop(tx);
                csp::yield_now();
                let fresh = go!({ LEFT_BEHIND.with_borrow(|left| *left) });
                assert_eq!(fresh.join().unwrap(), 0);
            }
        });
    });
}
