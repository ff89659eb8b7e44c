//! The idle M that polls the network is called away by work of other kinds.

use csp::net::UnixStream;
use csp::{channel, go};
use csp_tests::{LIMIT, with_procs, within};
use std::io::Read;
use std::thread;
use std::time::Duration;

/// Somebody always waits for a socket, so an idle M polls. Plain threads wake goroutines over channels, which gives
/// that M a P; other Ms look at the poll in passing. No answer may get lost.
#[test]
fn work_reaches_an_m_that_polls() {
    with_procs(&[2, 3, 4], |_| {
        within(LIMIT, || {
            let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
            let reader = go!({ (&ours).read(&mut [0]).expect("an end") });
            let threads: Vec<_> = (0..3_u64)
                .map(|id| {
                    thread::spawn(move || {
                        let (tx, requests) = channel::<u64>(0);
                        let (answers, rx) = channel::<u64>(0);
                        go!({ requests.iter().for_each(|v| answers.send(v).unwrap()) });
                        for round in 0..5_000 {
                            tx.send(round).unwrap();
                            assert_eq!(rx.recv(), Some(round));
                            // Long enough for the Ms to go to sleep, now and then.
                            if round % 16 == id {
                                thread::park_timeout(Duration::from_micros(300));
                            }
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
            drop(theirs);
            assert_eq!(reader.join().unwrap(), 0);
        });
    });
}
