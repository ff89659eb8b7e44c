//! Programs full of goroutines that never wait; the first argument chooses.
//!
//! `main` is a plain function, so that a scenario can install a signal handler before the runtime starts.
#![expect(
    unsafe_code,
    reason = "a signal handler, a signal mask and sigqueue have no safe form in std"
)]

use csp::{WaitGroup, channel, go};
use csp_tests::{LIMIT, within};
use std::cell::Cell;
use std::fs;
use std::hint::spin_loop;
use std::io::{Write, stderr, stdout};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn main() {
    let scenario = std::env::args().nth(1).expect("the name of a scenario");
    within(LIMIT, || match scenario.as_str() {
        "threads" => threads(),
        "foreign" => foreign(),
        "storm" => storm(),
        "off" => off(|_| busy(Duration::from_millis(150))),
        "on" => off(|other_ran| {
            while other_ran.load(Ordering::SeqCst) == 0 {
                spin_loop();
            }
        }),
        "print" => print(),
        "late" => late(),
        "shares" => shares(),
        "returned" => returned(),
        "fewer" => fewer(),
        "tied" => tied(),
        other => panic!("no scenario {other}"),
    });
}

fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        spin_loop();
    }
}

/// The number of threads of this process, as the kernel counts them.
fn thread_count() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|n| n.trim().parse().ok())
        .expect("a number of threads")
}

/// Waits until fewer than `limit` threads run for a while. On a busy machine there may be more for some time, for a
/// thread that waits for a processor counts, too; where nobody stops them they are more for ever.
fn until_fewer_run_than(limit: f64) {
    while running(200) >= limit {}
    println!("few run");
}

/// How many threads of this process run, or could, on an average of some looks.
fn running(looks: u32) -> f64 {
    let state = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        stat.rsplit(')').next()?.trim_start().chars().next()
    };
    let mut sum = 0;
    for _ in 0..looks {
        let tasks = fs::read_dir("/proc/self/task").expect("Linux has it");
        sum += tasks
            .flatten()
            .filter_map(state)
            .filter(|&state| state == 'R')
            .count();
        std::thread::sleep(Duration::from_millis(2));
    }
    // The thread that looks runs, too.
    sum as f64 / f64::from(looks) - 1.0
}

/// Hogs that lost their P in a blocking call: all eight would run at once after it.
fn returned() {
    let stop = Arc::new(AtomicBool::new(false));
    let hogs: Vec<_> = (0..8)
        .map(|_| {
            go!(clone(stop) => {
                std::thread::sleep(Duration::from_millis(40));
                while !stop.load(Ordering::Relaxed) {
                    spin_loop();
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    until_fewer_run_than(4.0);
    stop.store(true, Ordering::Relaxed);
    hogs.into_iter().for_each(|hog| hog.join().unwrap());
}

thread_local!(static STATE: Rc<Cell<u64>> = Rc::new(Cell::new(1)));

/// A number from 1 to 6.
fn throw(state: &Cell<u64>) -> u64 {
    state.set(
        state
            .get()
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(1),
    );
    (state.get() >> 33) % 6 + 1
}

/// Many goroutines that have to go on with their threads, and then goroutines that never let go of one: none may begin
/// where others have to go on.
fn tied() {
    let (tx, rx) = channel(0);
    for _ in 0..200 {
        go!(clone(tx) => {
            // As a generator of random numbers does that each thread has one of.
            let state = STATE.with(Rc::clone);
            for _ in 0..10 {
                csp::time::sleep(Duration::from_micros(1 + throw(&state) * 50));
                tx.send(throw(&state)).unwrap();
            }
        });
    }
    drop(tx);
    // These go on where they like, and may have to begin elsewhere.
    let wg = WaitGroup::new();
    for _ in 0..100 {
        go!(in wg => csp::yield_now());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let spin = |stop: &AtomicBool| {
        while !stop.load(Ordering::Relaxed) {
            spin_loop();
        }
    };
    go!(clone(stop) => { spin(&stop) });
    go!(clone(stop) => { spin(&stop) });
    let hogs: Vec<_> = (0..5)
        .map(|_| go!(clone(stop) => { spin(&stop) }))
        .collect();
    let dice: Vec<u64> = rx.iter().collect();
    assert!(dice.iter().all(|dice| (1..=6).contains(dice)));
    wg.wait();
    stop.store(true, Ordering::Relaxed);
    hogs.into_iter().for_each(|hog| hog.join().unwrap());
    println!("{} throws on {} threads", dice.len(), thread_count());
}

/// Two hogs on two Ps, of which one is taken away while nobody waits: both would run for ever.
fn fewer() {
    csp::runtime::gomaxprocs(Some(2));
    let stop = Arc::new(AtomicBool::new(false));
    let hogs: Vec<_> = (0..2)
        .map(|_| {
            go!(clone(stop) => {
                while !stop.load(Ordering::Relaxed) {
                    spin_loop();
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    csp::runtime::gomaxprocs(Some(1));
    std::thread::sleep(Duration::from_millis(200));
    until_fewer_run_than(1.5);
    stop.store(true, Ordering::Relaxed);
    hogs.into_iter().for_each(|hog| hog.join().unwrap());
}

/// A thousand hogs of 30 ms, and how many threads there were at most.
fn threads() {
    let ended = Arc::new(AtomicUsize::new(0));
    let wg = WaitGroup::new();
    for _ in 0..1000 {
        go!(in wg, clone(ended) => {
            busy(Duration::from_millis(30));
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    let mut most = 0;
    while ended.load(Ordering::Relaxed) < 1000 {
        most = most.max(thread_count());
        std::thread::sleep(Duration::from_millis(2));
    }
    wg.wait();
    println!("threads {most}");
}

/// How many SIGURG the handler from before has seen that a process sent with `sigqueue`.
static QUEUED: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler installed with SA_SIGINFO, and whoever calls this one in
    // its place passes on what it got.
    let code = unsafe { (*info).si_code };
    if code == libc::SI_QUEUE {
        QUEUED.fetch_add(1, Ordering::SeqCst);
    }
}

fn install() {
    // SAFETY: all zeroes is a valid sigaction: no flags, an empty mask, the default handler.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = count;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: `action` is initialised, and the handler only reads its arguments and adds to an atomic.
    let result = unsafe { libc::sigaction(libc::SIGURG, &action, null_mut()) };
    assert_eq!(result, 0);
}

/// Keeps SIGURG from this thread, so that the kernel gives it to another.
fn block_here() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: the set was initialised by the call before.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGURG) };
    // SAFETY: the set is initialised; a null pointer asks for no copy of the old one.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), null_mut()) };
    assert_eq!(result, 0);
}

/// Sends SIGURG to this process, as another would; a queued signal is told from the runtime's own by its code.
fn send() {
    let value = libc::sigval {
        sival_ptr: null_mut(),
    };
    // SAFETY: sending a signal to oneself is always possible; a handler for it is installed.
    let result = unsafe { libc::sigqueue(std::process::id() as libc::pid_t, libc::SIGURG, value) };
    assert_eq!(result, 0);
}

/// Hogs that go on until told to stop, more of them than Ps.
struct Hogs {
    stop: Arc<AtomicBool>,
    wg: WaitGroup,
    /// How often one goroutine ran beside them: the preemptions are real.
    turns: Arc<AtomicU64>,
}

impl Hogs {
    fn start() -> Hogs {
        let hogs = Hogs {
            stop: Arc::default(),
            wg: WaitGroup::new(),
            turns: Arc::default(),
        };
        let (stop, turns) = (&hogs.stop, &hogs.turns);
        for _ in 0..csp::runtime::gomaxprocs(None) + 1 {
            go!(in hogs.wg, clone(stop) => {
                while !stop.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        go!(in hogs.wg, clone(stop, turns) => {
            while !stop.load(Ordering::Relaxed) {
                turns.fetch_add(1, Ordering::Relaxed);
                csp::time::sleep(Duration::from_millis(1));
            }
        });
        hogs
    }

    /// Waits until others have run `more` times beside the hogs.
    fn turns(&self, more: u64) {
        let goal = self.turns.load(Ordering::Relaxed) + more;
        while self.turns.load(Ordering::Relaxed) < goal {
            std::thread::yield_now();
        }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wg.wait();
    }
}

/// The handler from before gets every signal that is not the runtime's, whichever thread it reaches.
fn foreign() {
    install();
    let hogs = Hogs::start();
    hogs.turns(3);
    for round in 1..=100 {
        if round == 50 {
            block_here();
        }
        send();
        // Signals of one number that are pending together count once: wait for each.
        while QUEUED.load(Ordering::SeqCst) < round {
            std::thread::yield_now();
        }
    }
    hogs.turns(3);
    hogs.stop();
    assert_eq!(QUEUED.load(Ordering::SeqCst), 100);
    println!("all signals arrived");
}

/// SIGURG from elsewhere does no harm where nobody waits for it.
fn storm() {
    let hogs = Hogs::start();
    hogs.turns(3);
    block_here();
    let end = Instant::now() + Duration::from_millis(500);
    while Instant::now() < end {
        send();
    }
    hogs.turns(3);
    hogs.stop();
    println!("the storm is over");
}

/// Whether one goroutine is stopped for another while it does `work`, which is told how many of the others have run; and
/// whether waiting works all the same.
fn off(work: fn(&AtomicUsize)) {
    let procs = csp::runtime::gomaxprocs(None);
    let other_ran = Arc::new(AtomicUsize::new(0));
    let started = Arc::new(AtomicUsize::new(0));
    // Every P has its hog; each looks at the end whether any of the others that wait behind it was let in.
    let hogs: Vec<_> = (0..procs)
        .map(|_| {
            go!(clone(other_ran, started) => {
                started.fetch_add(1, Ordering::SeqCst);
                while started.load(Ordering::SeqCst) < procs {
                    spin_loop();
                }
                work(&other_ran);
                let seen = other_ran.load(Ordering::SeqCst);
                // Nobody leaves before all have looked.
                started.fetch_add(1, Ordering::SeqCst);
                while started.load(Ordering::SeqCst) < 2 * procs {
                    spin_loop();
                }
                seen > 0
            })
        })
        .collect();
    while started.load(Ordering::SeqCst) < procs {
        std::thread::yield_now();
    }
    let others: Vec<_> = (0..4)
        .map(|_| go!(clone(other_ran) => { other_ran.fetch_add(1, Ordering::SeqCst); }))
        .collect();
    let interrupted = hogs.into_iter().any(|hog| hog.join().expect("it ends"));
    others
        .into_iter()
        .for_each(|other| other.join().expect("it ends"));
    println!("interrupted {interrupted}");

    let (tx, rx) = channel(0);
    go!({
        csp::time::sleep(Duration::from_millis(5));
        csp::blocking(|| std::thread::sleep(Duration::from_millis(5)));
        tx.send(7).expect("main receives");
    });
    assert_eq!(rx.recv(), Some(7));
    println!("the rest works");
}

/// Twelve goroutines that allocate, free, print and lock in tight loops, for as many seconds as the second argument
/// says, or two.
fn print() {
    let seconds = std::env::args()
        .nth(2)
        .map_or(2, |n| n.parse().expect("a number of seconds"));
    let stop = Arc::new(AtomicBool::new(false));
    let shared = Arc::new(Mutex::new(Vec::new()));
    let handles: Vec<_> = (0..12u64)
        .map(|me| {
            go!(clone(stop, shared) => {
                let mut rounds = 0u64;
                // One round at least, however late it is let in.
                while rounds == 0 || !stop.load(Ordering::Relaxed) {
                    let text = vec![me.to_string(); 8].join(" ");
                    println!("{text}: {rounds}");
                    if rounds.is_multiple_of(64) {
                        stdout().flush().expect("it can be written");
                    }
                    // What one allocates another frees.
                    let mut shared = shared.lock().expect("nobody panics");
                    shared.push(text);
                    if shared.len() > 100 {
                        shared.clear();
                    }
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs(seconds));
    stop.store(true, Ordering::Relaxed);
    let rounds: Vec<_> = handles
        .into_iter()
        .map(|handle| handle.join().expect("it ends"))
        .collect();
    assert!(rounds.iter().all(|&rounds| rounds > 0), "{rounds:?}");
    writeln!(stderr(), "all printed").expect("it can be written");
}

/// How late a goroutine wakes that sleeps 1 ms 200 times beside an endless loop: a figure to read, not to assert.
fn late() {
    csp::runtime::gomaxprocs(Some(1));
    let stop = Arc::new(AtomicBool::new(false));
    let hog = go!(clone(stop) => { spins(&stop) });
    let sleeper = go!({
        let start = Instant::now();
        for _ in 0..200 {
            csp::time::sleep(Duration::from_millis(1));
        }
        start.elapsed()
    });
    let took = sleeper.join().expect("it ends");
    stop.store(true, Ordering::Relaxed);
    hog.join().expect("it ends");
    let late = took.saturating_sub(Duration::from_millis(200)) / 200;
    println!("late by {late:?} on average");
}

/// The shares of one P that two endless loops get in two seconds: figures to read, not to assert.
fn shares() {
    csp::runtime::gomaxprocs(Some(1));
    let stop = Arc::new(AtomicBool::new(false));
    let hogs: Vec<_> = (0..2)
        .map(|_| go!(clone(stop) => { spins(&stop) }))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::Relaxed);
    let spins: Vec<_> = hogs
        .into_iter()
        .map(|hog| hog.join().expect("it ends"))
        .collect();
    let share = 100.0 * spins[0] as f64 / (spins[0] + spins[1]) as f64;
    println!("shares {share:.1} % and {:.1} %", 100.0 - share);
}

fn spins(stop: &AtomicBool) -> u64 {
    let mut spins = 0;
    while !stop.load(Ordering::Relaxed) {
        spins += 1;
    }
    spins
}
