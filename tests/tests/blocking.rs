//! Calls that block a thread, marked with `blocking` or by nobody.
//!
//! Such a call takes its thread and not the P: other goroutines run meanwhile, even with one P.

use csp::time::sleep;
use csp::{JoinHandle, WaitGroup, channel, go};
use csp_tests::{LIMIT, PROCS, everywhere, settle, until, with_procs, within};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::panic::{catch_unwind, resume_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How the tests run a call that blocks: marked, and as any library would make it.
#[derive(Clone, Copy, Debug)]
enum How {
    Marked,
    Unmarked,
}

impl How {
    const BOTH: [How; 2] = [How::Marked, How::Unmarked];

    fn call<R>(self, f: impl FnOnce() -> R) -> R {
        match self {
            How::Marked => csp::blocking(f),
            How::Unmarked => f(),
        }
    }
}

/// Runs `body` for 1, 2 and 4 Ps and for marked and unmarked calls.
fn both_ways(body: fn(usize, How)) {
    with_procs(PROCS, |n| {
        for how in How::BOTH {
            within(LIMIT, || body(n, how));
        }
    });
}

fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let join = |handle: JoinHandle<T>| handle.join().unwrap_or_else(|p| resume_unwind(p));
    handles.into_iter().map(join).collect()
}

#[test]
fn a_ticker_ticks_while_threads_sleep() {
    const SLEEPERS: usize = 8;
    with_procs(&[1], |_| {
        for how in How::BOTH {
            within(LIMIT, || {
                let asleep = Arc::new(AtomicUsize::new(0));
                // The system's: all of them block their threads until this one comes.
                let over = Arc::new(Barrier::new(SLEEPERS + 1));
                let sleepers: Vec<_> = (0..SLEEPERS)
                    .map(|_| {
                        go!(clone(asleep, over) => {
                            asleep.fetch_add(1, Ordering::SeqCst);
                            how.call(|| over.wait());
                        })
                    })
                    .collect();
                let ticker = go!({
                    until(|| asleep.load(Ordering::SeqCst) == SLEEPERS);
                    let ticks = csp::time::tick(Duration::from_millis(10));
                    ticks.iter().take(10).count()
                });
                // It ends only if they do not keep the P from it.
                assert_eq!(ticker.join().unwrap(), 10);
                over.wait();
                join_all(sleepers);
            });
        }
    });
}

#[test]
fn more_calls_than_ps_wait_at_once() {
    both_ways(|n, how| {
        let (txs, rxs): (Vec<_>, Vec<_>) =
            (0..n + 2).map(|_| std::sync::mpsc::channel::<u8>()).unzip();
        let blocked: Vec<_> = rxs
            .into_iter()
            .map(|rx| go!({ how.call(|| rx.recv().unwrap()) }))
            .collect();
        settle();
        // Every P may be held by a blocked call when this one starts.
        go!({ txs.iter().for_each(|tx| tx.send(7).unwrap()) })
            .join()
            .unwrap();
        assert!(join_all(blocked).into_iter().all(|value| value == 7));
    });
}

#[test]
fn a_std_mutex_and_condvar_block_only_who_waits() {
    both_ways(|n, how| {
        let turn = Arc::new((Mutex::new(0), Condvar::new()));
        // Each waits for its turn; the last one started has the first.
        let waiting: Vec<_> = (0..n + 3)
            .rev()
            .map(|me| {
                go!(clone(turn) => {
                    let (number, changed) = &*turn;
                    how.call(|| {
                        let number = number.lock().unwrap();
                        let mut number = changed.wait_while(number, |n| *n != me).unwrap();
                        *number += 1;
                        changed.notify_all();
                    });
                })
            })
            .collect();
        join_all(waiting);
        assert_eq!(*turn.0.lock().unwrap(), n + 3);
    });
}

#[test]
fn the_value_and_the_borrows_of_a_call_are_its_own() {
    everywhere(|_| {
        let text = String::from("borrowed");
        let mut seen = 0;
        let length = csp::blocking(|| {
            seen += 1;
            text.len()
        });
        assert_eq!((length, seen), (8, 1));
        // What is not Send may be used: the call stays on the thread it began on.
        let local = std::rc::Rc::new(5);
        let home = thread::current().id();
        let (value, there) = csp::blocking(|| (*local, thread::current().id()));
        assert_eq!((value, there), (5, home));
    });
}

#[test]
fn many_short_calls_are_made() {
    everywhere(|_| {
        let sum: u64 = (0..20_000).map(|i| csp::blocking(|| i % 2)).sum();
        assert_eq!(sum, 10_000);
    });
}

#[test]
fn thousands_of_calls_at_once_all_end() {
    both_ways(|_, how| {
        const CALLS: usize = 2_000;
        let ended = Arc::new(AtomicUsize::new(0));
        let wg = WaitGroup::new();
        for _ in 0..CALLS {
            go!(in wg, clone(ended) => {
                how.call(|| thread::sleep(Duration::from_millis(1)));
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        wg.wait();
        assert_eq!(ended.load(Ordering::Relaxed), CALLS);
    });
}

#[test]
fn calls_may_be_nested() {
    everywhere(|_| {
        let value = csp::blocking(|| {
            let inner = csp::blocking(|| {
                thread::sleep(Duration::from_millis(2));
                20
            });
            thread::sleep(Duration::from_millis(2));
            inner + csp::blocking(|| 1)
        });
        assert_eq!(value, 21);
    });
}

#[test]
fn a_panic_inside_a_call_reaches_join() {
    everywhere(|_| {
        let handle = go!({
            csp::blocking(|| {
                thread::sleep(Duration::from_millis(2));
                resume_unwind(Box::new(7u8))
            })
        });
        let payload = handle.join().map(|(): ()| ()).unwrap_err();
        assert_eq!(*payload.downcast::<u8>().unwrap(), 7);
    });
}

#[test]
fn a_panic_inside_a_call_may_be_caught_and_the_goroutine_goes_on() {
    everywhere(|_| {
        for slow in [false, true] {
            let caught = catch_unwind(|| {
                csp::blocking(|| {
                    if slow {
                        thread::sleep(Duration::from_millis(2));
                    }
                    resume_unwind(Box::new(()))
                })
            });
            assert!(caught.map(|(): ()| ()).is_err());
            assert!(!thread::panicking());
            // The P is held again as before.
            csp::yield_now();
            assert_eq!(go!({ 3 }).join().unwrap(), 3);
        }
    });
}

#[test]
fn channels_work_inside_a_call() {
    everywhere(|peers| {
        let (there, at_peer) = channel::<u32>(0);
        let (back, here) = channel(0);
        let peer = peers.spawn(move || {
            csp::blocking(|| {
                for value in &at_peer {
                    back.send(value + 1).unwrap();
                }
            });
        });
        let values: Vec<u32> = csp::blocking(|| {
            let round = |i| {
                there.send(i).unwrap();
                here.recv().unwrap()
            };
            (0..100).map(round).collect()
        });
        assert_eq!(values, (1..=100).collect::<Vec<_>>());
        drop(there);
        peer.join();
    });
}

#[test]
fn everything_else_works_inside_a_call() {
    everywhere(|_| {
        let sum = csp::blocking(|| {
            sleep(Duration::from_millis(1));
            csp::yield_now();
            let handles: Vec<_> = (0..4u32).map(|i| go!({ csp::blocking(|| i) })).collect();
            join_all(handles).into_iter().sum::<u32>()
        });
        assert_eq!(sum, 6);
    });
}

#[test]
fn files_give_the_right_data_and_errors() {
    both_ways(|n, how| {
        let dir = std::env::temp_dir().join(format!("csp-blocking-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let writers = (0..n + 3).map(|me| {
            let path = dir.join(me.to_string());
            go!({
                for round in 0..50usize {
                    let mut file = how.call(|| {
                        let mut options = OpenOptions::new();
                        let options = options.read(true).write(true).create(true).truncate(true);
                        options.open(&path).unwrap()
                    });
                    let bytes = vec![(me * 50 + round) as u8; 1000 + round];
                    how.call(|| file.write_all(&bytes)).unwrap();
                    how.call(|| file.seek(SeekFrom::Start(0))).unwrap();
                    let mut back = Vec::new();
                    how.call(|| file.read_to_end(&mut back)).unwrap();
                    assert_eq!(back, bytes);

                    // The error is read after the call has got its P back: errno must be that of the call.
                    let missing = how.call(|| File::open(path.join("below a file")));
                    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotADirectory);
                    let missing = how.call(|| fs::read(path.with_extension("missing")));
                    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
                }
            })
        });
        join_all(writers.collect::<Vec<_>>());
        fs::remove_dir_all(dir).unwrap();
    });
}

#[test]
fn a_pipe_is_read_while_others_run() {
    both_ways(|_, how| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let text = go!({
            let mut text = String::new();
            how.call(|| reader.read_to_string(&mut text)).unwrap();
            text
        });
        settle();
        let parts = go!({
            for part in ["some ", "text"] {
                sleep(Duration::from_millis(2));
                how.call(|| writer.write_all(part.as_bytes())).unwrap();
            }
        });
        parts.join().unwrap();
        assert_eq!(text.join().unwrap(), "some text");
    });
}

#[test]
fn the_output_of_a_child_is_awaited() {
    both_ways(|n, how| {
        let children = (0..n + 2).map(|me| {
            go!({
                how.call(|| {
                    let child = Command::new("sh")
                        .args([
                            "-c",
                            &format!("sleep 0.05; cat; echo child {me}; exit {me}"),
                        ])
                        .stdin(Stdio::null())
                        .stderr(Stdio::null())
                        .output();
                    let output = child.unwrap();
                    assert_eq!(output.status.code(), Some(me as i32));
                    String::from_utf8(output.stdout).unwrap()
                })
            })
        });
        let texts = join_all(children.collect::<Vec<_>>());
        for (me, text) in texts.into_iter().enumerate() {
            assert_eq!(text, format!("child {me}\n"));
        }
    });
}

#[test]
fn a_plain_thread_just_makes_the_call() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let home = thread::current().id();
            assert_eq!(csp::blocking(|| thread::current().id()), home);
            assert_eq!(csp::blocking(|| csp::blocking(|| 3)), 3);
            let caught = catch_unwind(|| csp::blocking(|| resume_unwind(Box::new(1))));
            assert!(caught.map(|(): ()| ()).is_err());
            let (tx, rx) = channel(0);
            go!(tx.send(4).unwrap());
            assert_eq!(csp::blocking(|| rx.recv()), Some(4));
        });
    });
}

#[test]
fn the_number_of_ps_may_change_during_a_call() {
    with_procs(&[2], |_| {
        within(LIMIT, || {
            for n in [1, 4, 1, 3, 2] {
                let (tx, rx) = std::sync::mpsc::channel();
                let call = go!({ csp::blocking(|| rx.recv().unwrap()) });
                settle();
                csp::runtime::gomaxprocs(Some(n));
                go!({ tx.send(n).unwrap() }).join().unwrap();
                assert_eq!(call.join().unwrap(), n);
            }
        });
    });
}

#[test]
fn a_hog_among_the_woken_does_not_delay_the_other_sleepers() {
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let (tx, rx) = channel::<()>(0);
            // Woken first, it then blocks its thread; the other must wake without it.
            let hog = go!({
                sleep(Duration::from_millis(1));
                csp::blocking(move || rx.recv());
            });
            go!(sleep(Duration::from_millis(2))).join().unwrap();
            drop(tx);
            hog.join().unwrap();
        });
    });
}
