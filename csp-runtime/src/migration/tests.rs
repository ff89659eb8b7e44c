//! The guard against real stacks: a coroutine touches thread-locals, suspends, and is looked at.

#![expect(unsafe_code, reason = "runs coroutines")]

use std::alloc::{Layout, alloc_zeroed};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{Hit, SLACK, ThreadLocals, Verdict, check, counts};
use crate::coroutine::{Command, Coroutine, call_on};
use crate::stacks::{Segment, SizeClass};

/// Bytes of a stack: without a guard, so more than unoptimised frames take.
const STACK: usize = 1 << 20;
/// Bytes below it, in whose midst its [`Probe`] lies: what else was allocated is further away than a pointer reaches.
const HEAD: usize = 4096;

/// A coroutine that runs a test's body.
struct Probe {
    coroutine: Coroutine,
    body: Cell<fn(&Probe)>,
    low: usize,
    /// The segment that the coroutine is on.
    segment: Cell<Option<&'static Segment>>,
}

impl Probe {
    /// On a stack of its own, which is leaked, as the coroutine must not move.
    fn new(body: fn(&Probe)) -> &'static Self {
        const { assert!(size_of::<Self>() <= HEAD / 4) };
        let layout = Layout::from_size_align(HEAD + STACK, 4096).expect("a layout");
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        assert!(!memory.is_null());
        // SAFETY: both lie in what was just allocated.
        let (low, place) = unsafe { (memory.add(HEAD), memory.add(HEAD / 2).cast::<Self>()) };
        let low = low.expose_provenance();
        // SAFETY: the place is ours, aligned, large enough and leaked.
        let probe: &'static Self = unsafe {
            place.write(Self {
                coroutine: Coroutine::new(),
                body: Cell::new(body),
                low,
                segment: Cell::new(None),
            });
            &*place
        };
        probe.begin();
        probe
    }

    /// On the stack on which the body of `self` has ended.
    fn after(&'static self, body: fn(&Probe)) {
        self.body.set(body);
        self.begin();
    }

    fn begin(&'static self) {
        let ends = NonZeroUsize::new(self.low + STACK).zip(NonZeroUsize::new(self.low));
        let (base, limit) = ends.expect("an allocation");
        // SAFETY: nothing runs on the stack; `Probe::run` ends by suspending, and a failing test may well abort.
        unsafe { self.coroutine.init(base, limit, Self::run, self) };
    }

    fn run(&'static self) {
        self.body.get()(self);
        // SAFETY: on the coroutine's stack.
        unsafe { self.coroutine.suspend(Command::Done) };
    }

    /// What a call that waits does.
    #[inline(never)]
    fn wait(&self) {
        // SAFETY: only bodies call it, on the coroutine's stack.
        unsafe { self.coroutine.suspend(Command::Park) };
    }

    /// Calls `f` on a further segment.
    #[inline(never)]
    fn on_segment(&self, mut f: impl FnMut()) {
        let class = SizeClass::for_bytes(32 << 20).expect("a class");
        let segment = Segment::take(class).expect("a segment");
        let before = self.segment.replace(Some(segment));
        let base = before.map_or(self.low + STACK, |before| before.stack().end);
        segment.link(ptr::null_mut(), before, base, 0);
        let stack = segment.stack();
        let ends = NonZeroUsize::new(stack.end).zip(NonZeroUsize::new(stack.start));
        let (high, low) = ends.expect("a slot");
        // SAFETY: the segment was just taken.
        unsafe { call_on(high, low, segment.left_at(), &mut f) };
        self.segment.set(before);
        segment.give();
    }

    fn resume(&self) -> Command {
        // SAFETY: it waits, and only the test resumes it.
        unsafe { self.coroutine.resume() }
    }

    fn check(&self, locals: &ThreadLocals) -> Verdict {
        let frame = self.coroutine.left_at();
        // SAFETY: it waits, and only the test resumes it.
        let low_end = unsafe { self.coroutine.low_end(frame.sp, SLACK) };
        assert!(low_end.is_some_and(|low_end| frame.sp - low_end < SLACK));
        let segment = self.segment.get();
        let stack = segment.map_or(self.low..self.low + STACK, Segment::stack);
        // SAFETY: it waits, and the thread of `locals` is this one.
        unsafe { check(locals, frame, low_end, stack, segment, None) }
    }
}

/// Asserts what the guard said. Unoptimised code leaves what it used before in its frames, and so may be bound for
/// another reason than the one looked for, or for none.
#[track_caller]
fn assert_verdicts(found: &[Verdict], expected: &[Verdict]) {
    if cfg!(debug_assertions) {
        assert_eq!(found.len(), expected.len());
        let stays = |verdict: &Verdict| matches!(verdict, Verdict::MustStay(_));
        let missed = found
            .iter()
            .zip(expected)
            .any(|(a, b)| stays(b) && !stays(a));
        assert!(!missed, "{found:?} instead of {expected:?}");
    } else {
        assert_eq!(found, expected);
    }
}

/// What the guard says about a body at each of its waits, on a new thread.
fn verdicts(body: fn(&Probe)) -> Vec<Verdict> {
    let thread = thread::spawn(move || {
        let locals = ThreadLocals::of_this_thread();
        assert!(locals.is_known());
        let probe = Probe::new(body);
        let mut verdicts = Vec::new();
        while probe.resume() == Command::Park {
            verdicts.push(probe.check(locals));
        }
        verdicts
    });
    thread.join().expect("the body ends")
}

const ADDRESS: Verdict = Verdict::MustStay(Hit::Address);
const SHARED: Verdict = Verdict::MustStay(Hit::Shared);
const LENT: Verdict = Verdict::MustStay(Hit::Lent);
const FREE: Verdict = Verdict::MayMove;

thread_local! {
    static LAZY: RefCell<Vec<u32>> = RefCell::new(vec![1]);
    static PLAIN: Cell<u32> = const { Cell::new(0) };
    static COUNTED: Rc<Cell<u32>> = Rc::new(Cell::new(0));
    static SCOPED: Cell<*const u32> = const { Cell::new(ptr::null()) };
    static MANY: RefCell<Vec<Rc<u32>>> = const { RefCell::new(Vec::new()) };
    static ARRAY: [Rc<u32>; 200] = std::array::from_fn(|at| Rc::new(at as u32));
}

#[test]
fn a_goroutine_inside_with_stays() {
    let found = verdicts(|probe| {
        LAZY.with(|lazy| {
            probe.wait();
            lazy.borrow_mut().push(2);
        });
        PLAIN.with(|plain| {
            probe.wait();
            plain.set(1);
        });
        LAZY.with_borrow_mut(|lazy| {
            probe.wait();
            lazy.push(3);
        });
    });
    assert_verdicts(&found, &[ADDRESS; 3]);
}

#[test]
fn a_goroutine_with_a_clone_of_a_handle_stays() {
    let found = verdicts(|probe| {
        let mine = COUNTED.with(Rc::clone);
        probe.wait();
        mine.set(mine.get() + 1);
        let other = Rc::clone(&mine);
        drop(mine);
        probe.wait();
        drop(other);
    });
    assert_verdicts(&found, &[SHARED; 2]);
}

#[test]
fn each_of_very_many_handles_is_found() {
    #[inline(never)]
    fn nth(at: usize) -> Rc<u32> {
        ARRAY.with(|all| Rc::clone(&all[at]))
    }
    let found = verdicts(|probe| {
        for at in [0, 63, 64, 65, 150, 199] {
            let mine = nth(at);
            probe.wait();
            assert_eq!(*mine, at as u32);
        }
    });
    assert_verdicts(&found, &[SHARED; 6]);
}

/// Not to be seen through: the compiler would leave out a store that nobody reads.
#[inline(never)]
fn lend(value: *const u32) {
    SCOPED.with(|scoped| black_box(scoped).set(value));
}

#[test]
fn a_goroutine_that_lends_its_stack_to_a_thread_local_stays() {
    let found = verdicts(|probe| {
        let value = 7_u32;
        lend(&value);
        probe.wait();
        lend(ptr::null());
    });
    assert_verdicts(&found, &[LENT]);
}

/// Waits on top of that many frames of more than a KiB.
fn deep(probe: &Probe, levels: u32) {
    let frame = black_box([levels; 256]);
    if levels == 0 {
        probe.wait();
    } else {
        deep(probe, frame[100] - 1);
    }
    black_box(&frame);
}

#[test]
fn a_hit_at_the_far_end_of_a_deep_stack_is_found() {
    let found = verdicts(|probe| {
        LAZY.with(|lazy| {
            deep(probe, 100);
            lazy.borrow_mut().push(2);
        });
    });
    assert_verdicts(&found, &[ADDRESS]);
}

#[test]
fn what_earlier_stacks_hold_is_found_from_a_segment() {
    /// A clone of the handle. What the first use leaves behind lies further down than the frames that come after.
    #[inline(never)]
    fn handle() -> Rc<Cell<u32>> {
        let room = black_box([0_u8; 4096]);
        let handle = COUNTED.with(Rc::clone);
        black_box(&room);
        handle
    }
    let found = verdicts(|probe| {
        probe.on_segment(|| probe.wait());
        LAZY.with(|lazy| {
            probe.on_segment(|| probe.on_segment(|| probe.wait()));
            lazy.borrow_mut().push(2);
        });
    });
    assert_verdicts(&found, &[FREE, ADDRESS]);
    let found = verdicts(|probe| {
        probe.on_segment(|| {
            let mine = handle();
            probe.on_segment(|| probe.wait());
            black_box(&mine);
        });
    });
    assert_verdicts(&found, &[SHARED]);
    let found = verdicts(|probe| {
        let value = 7_u32;
        lend(&value);
        probe.on_segment(|| probe.on_segment(|| probe.wait()));
        lend(ptr::null());
    });
    assert_verdicts(&found, &[LENT]);
}

#[test]
fn what_was_used_before_and_is_over_binds_nobody() {
    let found = verdicts(|probe| {
        LAZY.with_borrow_mut(|lazy| lazy.push(2));
        drop(COUNTED.with(Rc::clone));
        PLAIN.set(1);
        probe.wait();
    });
    assert_verdicts(&found, &[FREE]);
}

/// Optimised frames have no words to speak of that nothing is written to, and nothing is cleared for them.
#[cfg(debug_assertions)]
#[test]
fn what_the_last_user_of_a_stack_left_binds_nobody() {
    let thread = thread::spawn(|| {
        let locals = ThreadLocals::of_this_thread();
        let probe = Probe::new(|_| {
            PLAIN.with(|plain| black_box([ptr::from_ref(plain); 500]));
        });
        assert_eq!(probe.resume(), Command::Done);
        probe.after(|probe| {
            let room = MaybeUninit::<[usize; 250]>::uninit();
            black_box(&room);
            probe.wait();
            black_box(&room);
        });
        assert_eq!(probe.resume(), Command::Park);
        assert_eq!(probe.check(locals), FREE);
    });
    thread.join().expect("the bodies end");
}

#[test]
fn ordinary_values_bind_nobody() {
    let found = verdicts(|probe| {
        let text = format!("{:?}", thread::current().id());
        probe.wait();
        println!("{text}");
        probe.wait();
        let mut map: HashMap<String, u32> = HashMap::new();
        map.insert(text, 1);
        probe.wait();
        let shared = Arc::new(Mutex::new(vec![1]));
        let mut guard = shared.lock().expect("nobody panics");
        probe.wait();
        guard.push(2);
        drop(guard);
        probe.wait();
        black_box((&map, &shared));
    });
    assert_verdicts(&found, &[FREE; 5]);
}

#[test]
fn the_handle_of_the_thread_binds_nobody() {
    let found = verdicts(|probe| {
        let thread = thread::current();
        probe.wait();
        black_box(thread.id());
    });
    assert_verdicts(&found, &[FREE]);
}

/// The front page says so.
#[test]
fn an_object_behind_another_is_not_found() {
    /// Not inlined: the body's frame shall hold nothing but the handle.
    #[inline(never)]
    fn first() -> Rc<u32> {
        // Of a length that keeps what else is allocated out of a pointer's reach.
        MANY.with_borrow_mut(|many| many.reserve(100));
        MANY.with_borrow_mut(|many| many.push(Rc::new(1)));
        MANY.with_borrow(|many| Rc::clone(&many[0]))
    }
    let found = verdicts(|probe| {
        let mine = first();
        probe.wait();
        assert_eq!(*mine, 1);
    });
    assert_verdicts(&found, &[FREE]);
}

#[test]
fn another_thread_reads_a_running_thread() {
    static STATE: AtomicUsize = AtomicUsize::new(0);
    let (tx, rx) = std::sync::mpsc::channel();
    let running = thread::spawn(move || {
        let locals = ThreadLocals::of_this_thread();
        let probe = Probe::new(|probe| {
            let mine = COUNTED.with(Rc::clone);
            probe.wait();
            drop(mine);
        });
        assert_eq!(probe.resume(), Command::Park);
        let at = ptr::from_ref(probe).expose_provenance();
        tx.send((locals, at)).expect("the test receives");
        while STATE.load(Ordering::Acquire) == 0 {
            PLAIN.set(PLAIN.get().wrapping_add(1));
        }
        assert_eq!(probe.resume(), Command::Done);
    });
    let (locals, at) = rx.recv().expect("the thread sends");
    // SAFETY: leaked by `Probe::new`, and the thread does not touch it before `STATE` is set.
    let probe: &Probe = unsafe { &*ptr::with_exposed_provenance(at) };
    let before = counts();
    for _ in 0..1000 {
        assert_verdicts(&[probe.check(locals)], &[SHARED]);
    }
    let after = counts();
    assert!(after.checked >= before.checked + 1000);
    assert!(cfg!(debug_assertions) || after.shared >= before.shared + 1000);
    assert!(after.words > before.words + 1000);
    STATE.store(1, Ordering::Release);
    running.join().expect("the thread ends");
}

/// Prints what a check costs; `--nocapture` shows it.
#[test]
fn the_cost_of_a_check_can_be_measured() {
    const CHECKS: u32 = 20_000;
    let thread = thread::spawn(|| {
        let locals = ThreadLocals::of_this_thread();
        for (name, body) in [
            (
                "nothing in thread-locals",
                (|probe| probe.wait()) as fn(&Probe),
            ),
            ("after use of several", |probe| {
                LAZY.with_borrow_mut(|lazy| lazy.push(2));
                drop(COUNTED.with(Rc::clone));
                println!("{:?}", HashMap::from([(1, 2)]));
                probe.wait();
            }),
            ("a clone of a handle", |probe| {
                let mine = COUNTED.with(Rc::clone);
                probe.wait();
                drop(mine);
            }),
            ("a deep stack", |probe| deep(probe, 190)),
            ("two hundred handles", |probe| {
                ARRAY.with(|_| ());
                probe.wait();
            }),
        ] {
            let probe = Probe::new(body);
            assert_eq!(probe.resume(), Command::Park);
            let words = counts().words;
            let verdict = probe.check(locals);
            let words = counts().words - words;
            let start = std::time::Instant::now();
            for _ in 0..CHECKS {
                assert_eq!(black_box(probe.check(locals)), verdict);
            }
            let each = start.elapsed() / CHECKS;
            println!("{name}: {verdict:?}, {words} words, {each:?} ({locals})");
        }
    });
    thread.join().expect("the bodies wait");
}
