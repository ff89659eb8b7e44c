//! Programs with the default options that end in the many ways a program can; the first argument chooses.

use csp::prelude::*;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

#[csp::main]
fn main() {
    let name = std::env::args().nth(1).expect("the name of a scenario");
    match name.as_str() {
        "goid" => println!("goid {}", csp::runtime::goid()),
        "leave" => leave(),
        "panic" => panic!("main gave up"),
        "contained" => contained(),
        "gomaxprocs" => gomaxprocs(),
        "overflow" => drop(go!(name("bottomless") => { descend(u64::MAX) }).join()),
        "overflow_large" => drop(go!(stack(1 << 20) => { descend(u64::MAX) }).join()),
        "deep" => println!(
            "depth {}",
            go!(stack(8 << 20) => descend(20_000))
                .join()
                .expect("it is deep enough")
        ),
        "deadlock" => deadlock(),
        "empty_select" => select! {},
        "never" => drop(never::<u8>().recv()),
        "last_thread" => last_thread(),
        "stdout" => stdout(),
        "fewer" => fewer(),
        "sleeper" => {
            go!(csp::time::sleep(Duration::from_millis(30)))
                .join()
                .expect("it sleeps");
            println!("woke");
        }
        "thread" => thread(),
        "socket" => socket(),
        "no_stack" => no_stack(),
        other => panic!("no scenario {other}"),
    }
}

fn leave() {
    let (tx, rx) = channel::<()>(0);
    go!({
        rx.recv();
        println!("never");
    });
    go!({
        loop {
            csp::yield_now();
        }
    });
    println!("main returns");
    // Forgotten, so that the end of main does not release the one that waits.
    std::mem::forget(tx);
}

fn contained() {
    let handle = go!({ panic!("goroutine gave up") });
    assert!(handle.join().map(|(): ()| ()).is_err());
    println!("main goes on");
}

fn gomaxprocs() {
    let n = csp::runtime::gomaxprocs(None);
    println!("gomaxprocs {n}");
    if n == csp::runtime::num_cpu() {
        println!("gomaxprocs is num_cpu");
    }
}

/// Uses well over a hundred bytes of stack for each level.
fn descend(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 8]);
    if levels == 0 {
        0
    } else {
        descend(frame[5] - 1) + 1
    }
}

fn deadlock() {
    let (tx, rx) = channel::<u8>(0);
    // A timeout that has not been needed does not count as a sleeper.
    go!(clone(tx) => tx.send(0));
    let in_time = rx.recv_timeout(Duration::from_secs(3600));
    assert_eq!(in_time, Ok(0));
    let other = tx.clone();
    let handle = go!(name("sleeper") => { (other.send(1), other.send(2)) });
    rx.recv();
    drop(handle.join());
    drop(tx);
}

/// A thread of the program that might wake main ends without doing so.
fn last_thread() {
    let (tx, rx) = channel::<u8>(0);
    let kept = tx.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(kept);
    });
    rx.recv();
    drop(tx);
}

/// A goroutine that waits holds the lock of standard output.
fn stdout() {
    let (tx, rx) = channel::<u8>(0);
    let mut out = std::io::stdout().lock();
    for value in &rx {
        writeln!(out, "{value}").expect("it can be written");
    }
    drop(tx);
}

/// One P fewer than there are busy goroutines, for a while.
fn fewer() {
    csp::runtime::gomaxprocs(Some(2));
    let (tx, rx) = channel(0);
    let (started, starts) = channel(0);
    go!({
        started.send(()).expect("main receives");
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        tx.send(6).expect("main receives");
    });
    starts.recv();
    csp::runtime::gomaxprocs(Some(1));
    println!("got {:?}", rx.recv());
}

fn thread() {
    let (tx, rx) = channel(0);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        tx.send(5).expect("main receives");
    });
    println!("got {}", rx.recv().expect("the thread sends"));
    thread.join().expect("the thread ends");
}

/// Waits for a process that writes after a while: no goroutine can go on, no timer is set, no thread is left.
fn socket() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "sleep 0.3; echo written"])
        .stdout(std::os::fd::OwnedFd::from(far))
        .spawn()
        .expect("a shell");
    let mut near = csp::net::UnixStream::try_from(near).expect("an open socket");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut near, &mut text).expect("the end");
    print!("{text}");
    writer.wait().expect("it has ended");
}

/// Started with little memory: uses it up, and then asks for a function after a deadline, before and after there is memory.
fn no_stack() {
    let (tx, rx) = unbounded();
    let (hold, held) = channel::<()>(0);
    let mut holders = Vec::new();
    let send = |text: &'static str| {
        let tx = tx.clone();
        move || tx.send(text).expect("main waits")
    };
    let ctx = loop {
        while let Ok(holder) = std::panic::catch_unwind(|| {
            let held = held.clone();
            go!({
                held.recv();
            })
        }) {
            holders.push(holder);
        }
        let (ctx, cancel) =
            csp::context::Context::background().with_timeout(Duration::from_secs(1));
        let first = AssertUnwindSafe(|| ctx.after_func(send("first")));
        match std::panic::catch_unwind(first) {
            Err(_) => break ctx,
            // The runtime has given some back meanwhile, a thread's that it could not start.
            Ok(first) => {
                first.stop();
                cancel.cancel();
            }
        }
    };
    drop(hold);
    holders
        .drain(..)
        .for_each(|holder| holder.join().expect("it ends"));
    ctx.after_func(send("second"));
    drop(tx);
    println!("refused");
    rx.iter().for_each(|text| println!("{text}"));
}
