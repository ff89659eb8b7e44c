//! Models of the read-write lock, as it ships, over loom's threads.
//!
//! What the lock guards is plain data, whose races loom finds.

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use super::{RwLock, RwLockWriteGuard};
use crate::primitive::model::{Plain, check};

type Lock = RwLock<Plain>;

const SOME_TIME: Duration = Duration::from_secs(1);

fn lock() -> Arc<Lock> {
    Arc::new(RwLock::new(Plain::new()))
}

/// Adds one, not atomically. Under the right to write.
fn bump(word: &Plain) {
    word.set(word.get() + 1);
}

/// The lock is free and forgets nobody when all have gone.
fn assert_free(lock: &Lock, value: u32) {
    assert_eq!(lock.try_write().expect("nobody is in").get(), value);
}

#[test]
fn loom_writers_exclude_each_other_and_readers() {
    check(3, || {
        let lock = lock();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || bump(&lock.write()))
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || lock.read().get())
        };
        bump(&lock.write());
        writer.join().unwrap();
        reader.join().unwrap();
        assert_free(&lock, 2);
    });
}

/// Two readers and a writer, who wait for each other in whatever order; loom reports one that is never woken.
#[test]
fn loom_the_lock_is_handed_over_between_readers_and_writers() {
    check(3, || {
        let lock = lock();
        let reading = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || {
                bump(&lock.write());
                bump(&lock.write());
            })
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || lock.read().get())
        };
        assert_eq!(reading.get(), 0);
        drop(reading);
        writer.join().unwrap();
        reader.join().unwrap();
        assert_free(&lock, 2);
    });
}

/// The main thread reads until the other reader has been in: so it comes in, although a writer waited in front of it.
#[test]
fn loom_a_writer_that_times_out_lets_readers_in() {
    check(3, || {
        let lock = lock();
        let reading = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || drop(lock.write_timeout(SOME_TIME)))
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || lock.read().get())
        };
        assert_eq!(reader.join().unwrap(), 0);
        drop(reading);
        writer.join().unwrap();
        assert_free(&lock, 0);
    });
}

/// Waits that end just when the lock is handed over: to the one or to somebody else.
#[test]
fn loom_the_end_of_a_wait_races_with_the_hand_over() {
    check(3, || {
        let lock = lock();
        let writing = lock.write();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || {
                let guard = lock.write_timeout(SOME_TIME);
                guard.map_or(0, |word| {
                    bump(&word);
                    1
                })
            })
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || {
                if let Some(word) = lock.read_timeout(SOME_TIME) {
                    word.get();
                }
            })
        };
        bump(&writing);
        drop(writing);
        let written = writer.join().unwrap();
        reader.join().unwrap();
        assert_free(&lock, 1 + written);
    });
}

#[test]
fn loom_no_writer_comes_between_writing_and_reading_on() {
    check(3, || {
        let lock = lock();
        let writing = lock.write();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || bump(&lock.write()))
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || lock.read().get())
        };
        bump(&writing);
        let reading = RwLockWriteGuard::downgrade(writing);
        assert_eq!(reading.get(), 1);
        drop(reading);
        writer.join().unwrap();
        assert!(reader.join().unwrap() > 0);
        assert_free(&lock, 2);
    });
}
