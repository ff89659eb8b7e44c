//! Programs that end in a list of their goroutines; the first argument chooses.

use csp::prelude::*;
use csp::sync::{Barrier, Condvar, LazyLock, Mutex, OnceLock, RwLock, Semaphore};
use csp_tests::entries;
use std::hint::black_box;
use std::io::Write;
use std::process::Command;

#[csp::main]
fn main() {
    let name = std::env::args().nth(1).expect("the name of a scenario");
    match name.as_str() {
        "states" => states(),
        "deep" => deep(),
        "live" => live(),
        "busy" => busy(),
        "asleep" => asleep(),
        "locks" => locks(),
        "deep_live" => deep_live(),
        "ignored" => ignored(),
        "exiting" => exiting(),
        "late" => late(),
        "many" => many(),
        "locked" => locked(),
        other => panic!("no scenario {other}"),
    }
}

/// Sends this process a SIGQUIT.
fn quit() {
    let status = Command::new("kill")
        .args(["-QUIT", &std::process::id().to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success());
}

/// Whether goroutines are in all these states.
fn are_in(states: &[&str]) -> bool {
    let mut list = Vec::new();
    csp::runtime::dump(&mut list).expect("a vector takes it");
    let list = entries(&String::from_utf8(list).expect("it is text"));
    let found = |state: &&str| list.iter().any(|entry| entry.state == *state);
    states.iter().all(found)
}

/// Sends the SIGQUIT from a thread, once goroutines are in all these states.
fn quit_when(states: &'static [&'static str]) {
    std::thread::spawn(move || {
        while !are_in(states) {
            std::thread::yield_now();
        }
        quit();
    });
}

/// A deadlock with one goroutine in each of many states.
fn states() {
    let (tx, rx) = channel::<u8>(0);
    let (full, kept) = channel::<u8>(0);
    let other = rx.clone();
    println!("receiver {}", line!() + 1);
    go!(name("receiver") => {
        println!("recv {}", line!() + 1);
        rx.recv()
    });
    go!(name("sender") => { full.send(1) });
    go!(name("select") => {
        select! {
            _ = <-&other => {}
            _ = <-never::<u8>() => {}
        }
    });
    go!(name("empty") => { select! {} });
    go!(name("never") => { never::<u8>().recv() });
    let group = WaitGroup::new();
    group.add(1);
    go!(name("group") => { group.wait() });
    go!(name("scope") => {
        scope(|s| {
            go!(in s => { select! {} });
        });
    });
    let last = go!(select! {});
    let _ = last.join();
    drop((tx, kept));
}

/// A goroutine parked three calls deep.
#[inline(never)]
fn outermost(rx: &Receiver<u8>) -> usize {
    black_box(middle(rx)) + 1
}

#[inline(never)]
fn middle(rx: &Receiver<u8>) -> usize {
    black_box(innermost(rx)) + 1
}

#[inline(never)]
fn innermost(rx: &Receiver<u8>) -> usize {
    let room = black_box([3_u8; 300]);
    let got = rx.recv();
    usize::from(black_box(room)[7]) + usize::from(got.is_some())
}

fn deep() {
    let (tx, rx) = channel::<u8>(0);
    let handle = go!(name("deep") => { outermost(&rx) });
    let _ = handle.join();
    drop(tx);
}

/// The same while the program lives.
fn deep_live() {
    let (tx, rx) = channel::<u8>(0);
    go!(name("deep") => { outermost(&rx) });
    quit_when(&["chan receive", "sleep"]);
    csp::time::sleep(Duration::from_secs(60));
    drop(tx);
}

/// Goroutines that sleep, run, are runnable and wait, and will, when none is stopped for another.
fn live() {
    csp::runtime::gomaxprocs(Some(2));
    let (tx, rx) = channel::<u8>(0);
    go!(name("sleeper") => { csp::time::sleep(Duration::from_secs(60)) });
    go!(name("waiter") => { rx.recv() });
    csp_tests::until(|| are_in(&["sleep", "chan receive"]));
    quit_when(&["sleep", "chan receive", "running", "runnable"]);
    for name in ["hog", "hog", "hog"] {
        go!(name(name) => { spin() });
    }
    // The program would end with its first goroutine.
    spin();
    drop(tx);
}

fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

/// Every P in an endless loop.
fn busy() {
    quit_when(&["running", "runnable"]);
    for _ in 0..csp::runtime::gomaxprocs(None) + 1 {
        go!(name("hog") => { spin() });
    }
    spin();
}

/// Nothing has happened for longer than it takes the runtime's threads to go to sleep.
fn asleep() {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(1500));
        quit();
    });
    csp::time::sleep(Duration::from_secs(60));
}

/// The locks of standard output and error are held.
fn locks() {
    let mut out = std::io::stdout().lock();
    let _error = std::io::stderr().lock();
    write!(out, "unfinished").expect("it can be written");
    quit_when(&["sleep"]);
    csp::time::sleep(Duration::from_secs(60));
}

/// Started with SIGQUIT ignored.
fn ignored() {
    quit();
    csp::time::sleep(Duration::from_millis(100));
    println!("still here");
}

/// Asked for a report while it exits, in the midst of destructors.
fn exiting() {
    struct AtExit;
    impl Drop for AtExit {
        fn drop(&mut self) {
            quit();
            // The report ends the process.
            loop {
                std::thread::park();
            }
        }
    }
    std::thread_local!(static AT_EXIT: AtExit = const { AtExit });
    AT_EXIT.with(|_| {});
    // The goroutine is on the thread it was on: it has not waited, and nobody else wants the P.
    std::process::exit(3);
}

/// A deadlock that begins when the parent has been told.
fn late() {
    println!("ready");
    std::io::stdout().flush().expect("it can be written");
    never::<u8>().recv();
}

/// A deadlock of a hundred thousand.
fn many() {
    let (tx, rx) = channel::<u8>(0);
    let group = WaitGroup::new();
    for _ in 0..100_000 {
        go!(in group, clone(rx) => rx.recv());
    }
    group.wait();
    drop(tx);
}

/// A deadlock with a goroutine in each wait of `csp::sync`; says in which line each waits.
fn locked() {
    static LOCK: RwLock<u8> = RwLock::new(0);
    static VALUE: OnceLock<u8> = OnceLock::new();
    static LAZY: LazyLock<u8> = LazyLock::new(|| {
        println!("lazy {}", line!() + 1);
        *LAZY + 1
    });
    static BARRIER: Barrier = Barrier::new(2);
    static SLOTS: Semaphore = Semaphore::new(1);
    static MUTEX: Mutex<u8> = Mutex::new(0);
    static OTHER: Mutex<u8> = Mutex::new(0);
    static CHANGED: Condvar = Condvar::new();
    let (_writing, _locked) = (LOCK.write(), MUTEX.lock());
    go!(name("mutex") => {
        println!("mutex {}", line!() + 1);
        let _locked = MUTEX.lock();
    });
    go!(name("condvar") => {
        println!("condvar {}", line!() + 1);
        drop(CHANGED.wait(OTHER.lock()));
    });
    go!(name("rwlock-read") => {
        println!("rwlock-read {}", line!() + 1);
        let _reading = LOCK.read();
    });
    go!(name("rwlock-write") => {
        println!("rwlock-write {}", line!() + 1);
        let _writing = LOCK.write();
    });
    go!(name("once") => {
        println!("once {}", line!() + 1);
        VALUE.wait();
    });
    go!(name("lazy") => {
        assert_eq!(*LAZY, 1);
    });
    go!(name("barrier") => {
        println!("barrier {}", line!() + 1);
        BARRIER.wait();
    });
    go!(name("semaphore") => {
        println!("semaphore {}", line!() + 1);
        let _slots = SLOTS.acquire(2);
    });
    select! {}
}
