//! Programs that start goroutines until a limit is met, while others run and talk.

use csp::Builder;
use csp::prelude::*;
use std::io;
use std::panic::{self, AssertUnwindSafe};

/// More stacks than any limit here allows.
const MOST: usize = 60_000;

/// Goroutines that talk to each other all the time.
struct Talk {
    ask: Sender<u64>,
    answer: Receiver<u64>,
    all: Vec<csp::JoinHandle<()>>,
}

impl Talk {
    /// Eight in a row, each handing on one more than it receives.
    fn start() -> Talk {
        let (ask, mut last) = channel(0);
        let mut all = Vec::new();
        for _ in 0..8 {
            let (tx, rx) = channel(0);
            let before = std::mem::replace(&mut last, rx);
            all.push(go!({
                for value in &before {
                    if tx.send(value + 1).is_err() {
                        return;
                    }
                }
            }));
        }
        Talk {
            ask,
            answer: last,
            all,
        }
    }

    /// A hundred rounds; each must come back.
    fn go_on(&self) {
        for round in 0..100 {
            self.ask.send(round).expect("they listen");
            assert_eq!(self.answer.recv(), Some(round + 8));
        }
    }

    fn end(self) {
        self.go_on();
        drop(self.ask);
        for handle in self.all {
            handle.join().expect("nobody was harmed");
        }
    }
}

/// Starts goroutines with stacks of `size` that wait, until that is refused; then shows that what ran goes on, and that
/// new ones can be started when others have ended.
fn use_up(size: Option<usize>) {
    let talk = Talk::start();
    talk.go_on();
    let mut all = Vec::with_capacity(MOST);
    let (tx, rx) = channel::<()>(0);
    let start = || {
        let rx = rx.clone();
        let builder = match size {
            Some(bytes) => Builder::new().stack_size(bytes),
            None => Builder::new(),
        };
        builder.spawn(move || rx.recv().is_none())
    };
    let error: io::Error = loop {
        match start() {
            Ok(_) if all.len() == MOST => {
                println!("unlimited");
                std::process::exit(0);
            }
            Ok(handle) => all.push(handle),
            Err(error) => break error,
        }
    };
    println!("started {}", all.len());
    println!("error ({:?}) {error}", error.kind());
    talk.go_on();
    // The first ones may find slots that another P had kept.
    let payload = loop {
        let rx = rx.clone();
        let started = panic::catch_unwind(AssertUnwindSafe(|| match size {
            Some(bytes) => go!(stack(bytes) => { rx.recv().is_none() }),
            None => go!({ rx.recv().is_none() }),
        }));
        match started {
            Ok(handle) => all.push(handle),
            Err(payload) => break payload,
        }
    };
    let text = payload.downcast_ref::<String>().expect("a formatted text");
    println!("panic {text}");
    // There is memory for the rest of the program.
    drop(std::hint::black_box(vec![1u8; 2 << 20]));
    talk.go_on();
    drop(tx);
    let many = all.len().min(200);
    for handle in all {
        assert!(handle.join().expect("it was not harmed"));
    }
    let again: Vec<_> = (0..many)
        .map(|n| match size {
            Some(bytes) => go!(stack(bytes) => { n }),
            None => go!({ n }),
        })
        .collect();
    for (n, handle) in again.into_iter().enumerate() {
        assert_eq!(handle.join().expect("it runs"), n);
    }
    talk.end();
    println!("all is well");
}

/// Starts as many goroutines as a limit allows, again and again, while the stacks of those that have ended are given back.
fn use_up_again() {
    // Each is given back alone, for which the system needs a while.
    const SIZE: usize = 16 << 20;
    let start = |rx: &Receiver<()>| {
        let rx = rx.clone();
        Builder::new().stack_size(SIZE).spawn(move || {
            std::hint::black_box([1u8; 64 << 10]);
            rx.recv().is_none()
        })
    };
    let mut most = usize::MAX;
    for round in 0.. {
        let (tx, rx) = channel::<()>(0);
        let all: Vec<_> = (0..most).map_while(|_| start(&rx).ok()).collect();
        assert!(round == 0 || all.len() == most, "{} of {most}", all.len());
        most = all.len();
        drop(tx);
        for handle in all {
            assert!(handle.join().expect("it was not harmed"));
        }
        // Sooner or later, but on a busy machine later, some are given back in such a pause.
        csp::time::sleep(Duration::from_micros(500 + round * 37));
        if round >= 100 && csp::runtime::metrics().stacks_given_back > 0 {
            break;
        }
    }
    println!("all is well");
}

/// A program whose goroutines are started by goroutines.
pub(crate) fn run(scenario: &str) {
    match scenario {
        "default" => use_up(None),
        "large" => use_up(Some(1 << 30)),
        "again" => use_up_again(),
        "maps" => {
            use_up_maps();
            use_up(None);
        }
        "locked" => {
            use_up_large();
            lock_memory();
            use_up_large();
            println!("resident {}", resident_mib());
        }
        other => panic!("no scenario {other}"),
    }
}

/// A program whose goroutines are started by a plain thread, after the limit is set.
pub(crate) fn before(scenario: &str) {
    match scenario {
        "locked" => {
            lock_memory();
            use_up_large();
            println!("resident {}", resident_mib());
        }
        "locked_user" => {
            leave_root();
            lock_memory();
            refused_at_once();
        }
        other => run(other),
    }
}

fn a_few() {
    let talk = Talk::start();
    talk.go_on();
    talk.end();
    println!("all is well");
}

/// Where not even the first goroutine can be started.
fn refused_at_once() {
    let error = Builder::new().spawn(|| ()).expect_err("there is no room");
    println!("error ({:?}) {error}", error.kind());
    let refused = panic::catch_unwind(|| drop(go!(())));
    let payload = refused.expect_err("the next is refused, too");
    println!(
        "panic {}",
        payload.downcast_ref::<String>().expect("a formatted text")
    );
    println!("all is well");
}

/// Fifty stacks of 8 MiB, hardly used.
fn use_up_large() {
    let (tx, rx) = channel::<()>(0);
    let all: Vec<_> = (0..50)
        .map(|_| go!(stack(8 << 20), clone(rx) => rx.recv()))
        .collect();
    a_few();
    drop(tx);
    all.into_iter().for_each(|handle| drop(handle.join()));
}

fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.expect("there is such a line").trim();
    let kib: usize = line.trim_end_matches(" kB").parse().expect("a number");
    kib / 1024
}

use system::{leave_root, lock_memory, use_up_maps};

mod system {
    #![expect(unsafe_code, reason = "system calls that set limits")]

    /// Locks all memory, of now and later.
    pub(super) fn lock_memory() {
        // SAFETY: changes nothing that memory holds.
        let code = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
        if code != 0 {
            println!("not allowed: {}", std::io::Error::last_os_error());
            std::process::exit(0);
        }
    }

    /// Goes on as a user whose locked memory is limited.
    pub(super) fn leave_root() {
        let limit = libc::rlimit {
            rlim_cur: 8 << 20,
            rlim_max: 8 << 20,
        };
        // SAFETY: `limit` is read during the call only.
        unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) };
        // SAFETY: without preconditions; refused to those who are no root, who need it not.
        unsafe { libc::setuid(65_534) };
    }

    /// Leaves a few thousand memory maps of those that the process may have.
    pub(super) fn use_up_maps() {
        let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("Linux");
        let most: usize = most.trim().parse().expect("a number");
        let taken = std::fs::read_to_string("/proc/self/maps")
            .expect("Linux")
            .lines()
            .count();
        let pages = (most - taken).saturating_sub(4000);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: a new mapping replaces nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                pages * 4096,
                libc::PROT_READ,
                flags,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED);
        for page in (0..pages).step_by(2) {
            // SAFETY: a page of the mapping just made.
            let code =
                unsafe { libc::mprotect(start.byte_add(page * 4096), 4096, libc::PROT_NONE) };
            assert_eq!(code, 0);
        }
    }
}
