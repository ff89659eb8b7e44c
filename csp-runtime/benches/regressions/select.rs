//! Select: with an arm that is ready, with none, and with all arms' goroutines waiting for it.

use criterion::Criterion;
use csp::prelude::*;

use crate::operation;

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");

    operation(&mut group, "default", |operations| {
        let (_a, a) = channel::<u64>(1);
        let (_b, b) = channel::<u64>(1);
        for _ in 0..operations {
            select! {
                _ = <-a => unreachable!(),
                _ = <-b => unreachable!(),
                default => {}
            }
        }
    });

    // A send to a buffer, and the select that finds it.
    operation(&mut group, "ready_of_2", |operations| {
        let (tx, a) = channel(1);
        let (_kept, b) = channel::<u64>(1);
        for i in 0..operations {
            tx.send(i).unwrap();
            select! {
                v = <-a => assert_eq!(v, Some(i)),
                _ = <-b => unreachable!(),
            }
        }
    });

    operation(&mut group, "senders_2", |operations| {
        let c: [Receiver<u64>; 2] = senders();
        for _ in 0..operations {
            select! {
                v = <-c[0] => assert_eq!(v, Some(1)),
                v = <-c[1] => assert_eq!(v, Some(1)),
            }
        }
    });

    operation(&mut group, "senders_8", |operations| {
        let c: [Receiver<u64>; 8] = senders();
        for _ in 0..operations {
            select! {
                v = <-c[0] => assert_eq!(v, Some(1)),
                v = <-c[1] => assert_eq!(v, Some(1)),
                v = <-c[2] => assert_eq!(v, Some(1)),
                v = <-c[3] => assert_eq!(v, Some(1)),
                v = <-c[4] => assert_eq!(v, Some(1)),
                v = <-c[5] => assert_eq!(v, Some(1)),
                v = <-c[6] => assert_eq!(v, Some(1)),
                v = <-c[7] => assert_eq!(v, Some(1)),
            }
        }
    });

    group.finish();
}

/// Returns unbuffered channels, each with a goroutine that sends for as long as there is a receiver.
fn senders<const N: usize>() -> [Receiver<u64>; N] {
    std::array::from_fn(|_| {
        let (tx, rx) = channel(0);
        go!({ while tx.send(1).is_ok() {} });
        rx
    })
}
