//! Fragments of the user's macros may be variables to clone, callees, receivers and groups.

#![deny(warnings)]

use csp::prelude::*;

macro_rules! spawn_clone {
    ($wg:expr, $tx:ident, $other:expr, $value:expr) => {
        go!(in $wg, clone($tx) => $tx.send($value + $other).unwrap())
    };
}

macro_rules! call {
    ($f:expr, $($arg:expr),*) => {
        go!($f($($arg),*)).join().unwrap()
    };
}

struct Worker<T>(T);

impl<T: Copy + Send + 'static> Worker<T> {
    fn id<U: From<T>>(&self, extra: Option<U>) -> U {
        extra.unwrap_or(self.0.into())
    }

    fn start(&self) -> JoinHandle<T> {
        go!(Self::give(self.0))
    }

    fn give(value: T) -> T {
        value
    }
}

fn main() {
    let wg = WaitGroup::new();
    let (tx, rx) = channel::<u32>(2);
    spawn_clone!(&wg, tx, 2, 3);
    wg.wait();
    assert_eq!(rx.recv(), Some(5));
    assert_eq!(call!(u32::max, 3, 1 + 1), 3);
    assert_eq!(call!(|a: u32, b: u32| a * b, 3, 1 + 1), 6);
    assert_eq!(Worker(4u8).start().join().unwrap(), 4);
    let worker = Worker(4u8);
    assert_eq!(go!(worker.id::<u32>(None)).join().unwrap(), 4);
    drop(tx);
}
