//! Sending and receiving, with and without another goroutine that waits for it.

use criterion::Criterion;
use csp::prelude::*;

use crate::operation;

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("channel");

    // A send and a receive of one goroutine, neither of which waits.
    operation(&mut group, "buffered_alone", |operations| {
        let (tx, rx) = channel(1);
        for i in 0..operations {
            tx.send(i).unwrap();
            assert_eq!(rx.recv(), Some(i));
        }
    });

    operation(&mut group, "try_recv_empty", |operations| {
        let (_tx, rx) = channel::<u64>(1);
        for _ in 0..operations {
            assert!(rx.try_recv().is_err());
        }
    });

    // Two messages an operation.
    operation(&mut group, "ping_pong", |operations| {
        let (there, arrivals) = channel(0);
        let (back, echoes) = channel(0);
        go!({
            for v in &arrivals {
                back.send(v).unwrap();
            }
        });
        for i in 0..operations {
            there.send(i).unwrap();
            assert_eq!(echoes.recv(), Some(i));
        }
    });

    for (name, capacity) in [("stream_unbuffered", 0), ("stream_128", 128)] {
        operation(&mut group, name, move |operations| {
            let (tx, rx) = channel(capacity);
            go!({
                for i in 0..operations {
                    tx.send(i).unwrap();
                }
            });
            assert_eq!(rx.iter().count() as u64, operations);
        });
    }

    group.finish();
}
