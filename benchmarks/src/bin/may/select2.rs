//! `select2`: one coroutine selects over two channels, each with a sender of its own.
//!
//! The select of may for use in a loop: a `cqueue` with a coroutine per channel that receives, and announces that to the
//! one that polls. What `select!` does, to start those coroutines anew for each message, takes longer.
//!
//! Doubts: a select of this kind receives from every channel before one is chosen, so it is no choice. In `unbounded`
//! the selecting coroutine may lag behind by all messages.

use std::time::Instant;

use csp_benchmarks::{SELECT_MESSAGES, WARM_UP, report};
use may::cqueue;
use may::go;
use may::sync::mpsc;

use crate::bounded::channel;

const CHANNELS: usize = 2;

pub(crate) fn unbounded() {
    measure(receive_unbounded);
}

pub(crate) fn bounded() {
    measure(receive_bounded);
}

fn measure(receive: fn(usize)) {
    receive(SELECT_MESSAGES / WARM_UP);
    let start = Instant::now();
    receive(SELECT_MESSAGES);
    report::per_op(start, SELECT_MESSAGES);
}

fn receive_unbounded(messages: usize) {
    let mut receivers = Vec::new();
    for _ in 0..CHANNELS {
        let (tx, rx) = mpsc::channel::<usize>();
        receivers.push(rx);
        go!(move || {
            for _ in 0..messages / CHANNELS {
                tx.send(1).unwrap();
            }
        });
    }
    cqueue::scope(|queue| {
        for (i, rx) in receivers.into_iter().enumerate() {
            go!(queue, i, move |events| {
                while let Ok(v) = rx.recv() {
                    events.send(v);
                }
            });
        }
        poll(queue, messages);
    });
}

fn receive_bounded(messages: usize) {
    let mut receivers = Vec::new();
    for _ in 0..CHANNELS {
        let (tx, rx) = channel::<usize>(1);
        receivers.push(rx);
        go!(move || {
            for _ in 0..messages / CHANNELS {
                assert!(tx.send(1));
            }
        });
    }
    cqueue::scope(|queue| {
        for (i, rx) in receivers.into_iter().enumerate() {
            go!(queue, i, move |events| {
                while let Some(v) = rx.recv() {
                    events.send(v);
                }
            });
        }
        poll(queue, messages);
    });
}

fn poll(queue: &cqueue::Cqueue, messages: usize) {
    let mut sum = 0;
    for _ in 0..messages {
        sum += queue.poll(None).unwrap().extra;
    }
    assert_eq!(sum, messages);
}
