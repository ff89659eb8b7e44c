//! Overflows in every place where a goroutine can be.

use csp::prelude::*;
use std::ffi::c_ulong;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Starts a goroutine that is going to overflow, and says on which line.
macro_rules! doomed {
    ($($start:tt)*) => {{
        println!("line {}", line!());
        go!($($start)*)
    }};
}

/// Uses well over a hundred bytes of stack for each level.
#[inline(never)]
fn descend(levels: u64) -> u64 {
    let frame = black_box([levels; 8]);
    match levels {
        0 => 0,
        _ => descend(frame[5] - 1) + 1,
    }
}

fn bottomless() -> u64 {
    descend(u64::MAX)
}

/// Frames of `N` bytes without end; Rust probes each page of them.
#[inline(never)]
fn frames<const N: usize>(levels: u64) -> u64 {
    let frame = black_box([levels as u8; N]);
    match levels {
        0 => 0,
        _ => frames::<N>(levels - 1) + u64::from(frame[N / 2]),
    }
}

mod c {
    #![expect(unsafe_code, reason = "a C function")]

    use super::c_ulong;

    #[link(name = "csp_frames", kind = "static")]
    unsafe extern "C" {
        fn csp_frames(levels: c_ulong, bytes: usize) -> c_ulong;
    }

    /// Goes `levels` calls deep in C code without probes.
    pub(super) fn frames(levels: c_ulong, bytes: usize) -> c_ulong {
        // SAFETY: it touches its own frames only; the stack's guard ends what goes too deep.
        unsafe { csp_frames(levels, bytes) }
    }
}

/// Fills a stack of `size` bytes to within 2 KiB of its `guard`, then calls a C function with a frame as large as the
/// guard, less 1 KiB for what the calls between take.
#[inline(never)]
fn jump(size: usize, guard: usize) -> u64 {
    let here = black_box([0u8; 64]);
    let above = here.as_ptr().addr() & (size - 1);
    if above > guard + 2048 {
        jump(size, guard) + u64::from(here[3])
    } else {
        c::frames(1, guard - 1024) + u64::from(here[3])
    }
}

/// Overflows when it is dropped.
struct Deep;

impl Drop for Deep {
    fn drop(&mut self) {
        bottomless();
    }
}

/// The name of the goroutine that overflows, but for the cases that are about names.
const NAME: &str = "bottomless";

/// Runs `CASE:NUMBER:NUMBER`; the numbers are KiB.
pub(crate) fn run(scenario: &str) {
    let mut parts = scenario.split(':');
    let case = parts.next().unwrap_or_default();
    let mut kib = || parts.next().and_then(|part| part.parse::<usize>().ok());
    match (case, kib(), kib()) {
        ("c", Some(size), Some(frame)) => {
            let body = move || c::frames(c_ulong::MAX, frame << 10);
            drop(doomed!(name(NAME), stack(size << 10) => body()).join());
        }
        ("jump", Some(size), Some(guard)) => {
            let body = move || jump(size << 10, guard << 10);
            drop(doomed!(name(NAME), stack(size << 10) => body()).join());
        }
        ("size", Some(size), None) => {
            drop(doomed!(name(NAME), stack(size << 10) => bottomless()).join());
        }
        ("frames_of_64_kib", Some(size), None) => {
            let body = || frames::<0x1_0000>(u64::MAX);
            drop(doomed!(name(NAME), stack(size << 10) => body()).join());
        }
        ("frames_of_1_mib", Some(size), None) => {
            let body = || frames::<0x10_0000>(u64::MAX);
            drop(doomed!(name(NAME), stack(size << 10) => body()).join());
        }
        (_, None, None) => place(case),
        other => panic!("no scenario {other:?}"),
    }
}

/// Overflows in some place.
fn place(place: &str) {
    match place {
        "main" => drop(bottomless()),
        "destructor" => drop(doomed!(name(NAME) => drop(Deep)).join()),
        "unwinding" => drop(doomed!(name(NAME) => unwinding()).join()),
        "scope" => csp::scope(|s| drop(doomed!(in s, name(NAME) => bottomless()).join())),
        "join" => {
            println!("line {}", line!() + 1);
            join!(bottomless(), csp::yield_now());
        }
        "thread" => {
            let thread = thread::spawn(|| doomed!(name(NAME) => bottomless()).join());
            drop(thread.join());
        }
        "blocking" => drop(doomed!(name(NAME) => csp::blocking(bottomless)).join()),
        "locks" => locks(),
        "preempted" => preempted(),
        "two" => two(),
        "long_name" => {
            let name = format!("begin{}end", "-".repeat(992));
            drop(doomed!(name(name) => bottomless()).join());
        }
        "null" => drop(go!(name(NAME) => null()).join()),
        other => panic!("no scenario {other}"),
    }
}

fn unwinding() {
    let _deep = Deep;
    panic!("it gave up");
}

fn locks() {
    static STANDARD: std::sync::Mutex<u8> = std::sync::Mutex::new(0);
    static OURS: csp::sync::Mutex<u8> = csp::sync::Mutex::new(0);
    static WAITING: AtomicUsize = AtomicUsize::new(0);
    static HELD: AtomicBool = AtomicBool::new(false);
    let deep = doomed!(name(NAME) => {
        let _both = (STANDARD.lock(), OURS.lock());
        HELD.store(true, Ordering::Release);
        while WAITING.load(Ordering::Acquire) < 4 {
            csp::yield_now();
        }
        bottomless();
    });
    while !HELD.load(Ordering::Acquire) {
        csp::yield_now();
    }
    for _ in 0..2 {
        go!({
            WAITING.fetch_add(1, Ordering::AcqRel);
            drop(OURS.lock());
        });
        thread::spawn(|| {
            WAITING.fetch_add(1, Ordering::AcqRel);
            drop(STANDARD.lock());
        });
    }
    drop(deep.join());
}

/// Goes down so slowly that it is preempted a few times on the way, among others that want the P.
fn preempted() {
    #[inline(never)]
    fn slowly(levels: u64) -> u64 {
        let frame = black_box([levels; 256]);
        let start = Instant::now();
        while start.elapsed().as_micros() < 150 {}
        slowly(frame[5] + 1) + 1
    }
    csp::runtime::gomaxprocs(Some(1));
    for _ in 0..3 {
        go!({
            loop {
                let start = Instant::now();
                while start.elapsed().as_micros() < 500 {}
                csp::yield_now();
            }
        });
    }
    let deep = doomed!(name(NAME), stack(1 << 20) => slowly(0));
    drop(deep.join());
}

/// Two that start to overflow at the same moment, each on a P of its own.
fn two() {
    static READY: AtomicUsize = AtomicUsize::new(0);
    csp::runtime::gomaxprocs(Some(2));
    let all = [(); 2].map(|()| {
        doomed!(name(NAME) => {
            READY.fetch_add(1, Ordering::AcqRel);
            while READY.load(Ordering::Acquire) < 2 {
                std::hint::spin_loop();
            }
            bottomless()
        })
    });
    all.into_iter().for_each(|handle| drop(handle.join()));
}

#[expect(unsafe_code, reason = "the fault is the test")]
fn null() {
    // SAFETY: none: no page is ever mapped there, and the process is to die of it.
    unsafe {
        std::ptr::null_mut::<u8>()
            .wrapping_add(black_box(8))
            .write_volatile(1)
    };
}
