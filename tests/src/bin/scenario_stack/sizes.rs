//! How deep goroutines can go: by class, by default, by attribute.

use csp::Builder;
use csp::prelude::*;
use std::hint::black_box;

/// Goes `bytes` deep.
pub(crate) fn deep(bytes: usize) -> usize {
    let here = black_box([0u8; 64]);
    descend(here.as_ptr().addr() - bytes)
}

/// Calls itself until its frame reaches below `low`, and touches every page on the way.
#[inline(never)]
fn descend(low: usize) -> usize {
    let frame = black_box([1u8; 512]);
    if frame.as_ptr().addr() <= low {
        return 0;
    }
    descend(black_box(low)) + usize::from(frame[256])
}

/// A main with a default of its own.
#[csp::main(stack = 1 << 20)]
pub(crate) fn main() {
    default();
}

/// Goes three quarters of `kib` KiB deep on a goroutine whose stack nobody named, and as deep as 6 MiB on main's if that
/// is said to be large.
pub(crate) fn default() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let goroutine: usize = number("GOROUTINE_KIB").expect("a depth");
    let main: usize = number("MAIN_KIB").expect("a depth");
    // Each takes a slot of its P's list, and gives it back.
    for _ in 0..3 {
        let all: Vec<_> = (0..50).map(|_| go!({ deep(goroutine * 1024) })).collect();
        assert!(all.into_iter().all(|handle| handle.join().is_ok()));
    }
    std::thread::spawn(move || go!(deep(goroutine * 1024)).join())
        .join()
        .expect("the thread ends")
        .expect("the goroutine ends");
    deep(main * 1024);
    println!("deep enough");
}

/// Each class holds what it says; what it does not touch costs nothing.
pub(crate) fn all() {
    let mut size = 64 << 10;
    while size <= 1 << 30 {
        // Touched at most 8 MiB deep, and all but the guard and a few KiB of the small ones.
        let depth = (size * 11 / 16).min(8 << 20);
        for asked in [size, size - 1, size / 2 + 1] {
            let handle = Builder::new().stack_size(asked).spawn(move || deep(depth));
            handle.expect("there is room").join().expect("deep enough");
        }
        go!(stack(size) => deep(depth)).join().expect("deep enough");
        size *= 2;
    }
    for asked in [0, 1] {
        let handle = Builder::new().stack_size(asked).spawn(|| deep(40 << 10));
        handle.expect("there is room").join().expect("deep enough");
        go!(stack(asked) => deep(40 << 10))
            .join()
            .expect("deep enough");
    }
    for asked in [(1 << 30) + 1, usize::MAX / 2 + 2, usize::MAX] {
        let error = Builder::new()
            .stack_size(asked)
            .spawn(|| ())
            .expect_err("too large");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        println!("{error}");
    }
    untouched_costs_nothing();
    println!("every size");
}

/// A thousand stacks of 1 GiB, and as many of 64 KiB.
fn untouched_costs_nothing() {
    let waiting = |size| {
        let before = resident_kib();
        let (tx, rx) = channel::<()>(0);
        let all: Vec<_> = (0..1000)
            .map(|_| go!(stack(size), clone(rx) => rx.recv()))
            .collect();
        csp::yield_now();
        let after = resident_kib();
        drop(tx);
        all.into_iter().for_each(|handle| drop(handle.join()));
        after - before
    };
    println!(
        "small {} KiB, large {} KiB",
        waiting(64 << 10),
        waiting(1 << 30)
    );
}

/// This process's resident memory, without page tables.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.expect("there is such a line").trim();
    line.trim_end_matches(" kB").parse().expect("a number")
}
