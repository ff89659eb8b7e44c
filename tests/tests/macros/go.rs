//! go!: what the caller evaluates, what the goroutine evaluates, and what each head does.

use csp::runtime::goid;
use csp::{WaitGroup, channel, go};
use csp_tests::{everywhere, settle};
use std::sync::{Arc, Mutex};

/// Notes who evaluated what, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(u64, &'static str)>>>);

impl Log {
    fn note(&self, what: &'static str) -> u32 {
        self.0.lock().unwrap().push((goid(), what));
        what.len() as u32
    }

    fn whats(&self) -> Vec<&'static str> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|(_, what)| *what)
            .collect()
    }

    fn who(&self, what: &'static str) -> u64 {
        self.0
            .lock()
            .unwrap()
            .iter()
            .find(|(_, noted)| *noted == what)
            .unwrap()
            .0
    }
}

/// A value with methods to chain.
struct Step(Log, u32);

impl Step {
    fn begin(log: Log) -> Step {
        log.note("begin runs");
        Step(log, 0)
    }

    fn add(self, n: u32) -> Step {
        self.0.note("add runs");
        Step(self.0, self.1 + n)
    }

    fn total(self) -> u32 {
        self.1
    }
}

fn sum(log: Log, a: u32, b: u32) -> u32 {
    log.note("sum runs");
    a + b
}

#[test]
fn a_call_evaluates_its_arguments_in_the_caller_from_left_to_right() {
    everywhere(|_| {
        let log = Log::default();
        let me = goid();
        let handle = go!(sum(log.clone(), log.note("a"), log.note("bb")));
        let id = handle.id();
        assert_eq!(handle.join().unwrap(), 3);
        assert_eq!(log.whats(), ["a", "bb", "sum runs"]);
        assert_eq!(
            [log.who("a"), log.who("bb"), log.who("sum runs")],
            [me, me, id]
        );
    });
}

#[test]
fn the_callee_is_evaluated_in_the_caller_too() {
    everywhere(|_| {
        let log = Log::default();
        let me = goid();
        let choose = |log: &Log| {
            log.note("callee");
            sum
        };
        let handle = go!(choose(&log)(log.clone(), log.note("arg"), 1));
        assert_eq!(handle.join().unwrap(), 4);
        assert_eq!(log.whats(), ["callee", "arg", "sum runs"]);
        assert_eq!([log.who("callee"), log.who("arg")], [me, me]);
    });
}

#[test]
fn a_chain_evaluates_receiver_and_first_arguments_in_the_caller_and_the_rest_inside() {
    everywhere(|_| {
        let log = Log::default();
        let inside = log.clone();
        let me = goid();
        // The first call of this chain is `begin`: its argument is evaluated here, everything else inside.
        let handle = go!(Step::begin(log.clone()).add(inside.note("rest")).total());
        let id = handle.id();
        assert_eq!(handle.join().unwrap(), 4);
        assert_eq!(log.whats(), ["begin runs", "rest", "add runs"]);
        assert_eq!(
            [log.who("begin runs"), log.who("rest"), log.who("add runs")],
            [id; 3]
        );

        let log = Log::default();
        let (first, inside) = (Step(log.clone(), 1), log.clone());
        let handle = go!(first
            .add(log.note("first"))
            .add(inside.note("second"))
            .total());
        let id = handle.id();
        assert_eq!(handle.join().unwrap(), 12);
        assert_eq!(
            [log.who("first"), log.who("second"), log.who("add runs")],
            [me, id, id]
        );
    });
}

#[test]
fn a_question_mark_in_an_argument_leaves_the_caller() {
    fn start(value: Result<u32, &'static str>, log: &Log) -> Result<u32, &'static str> {
        let handle = go!(sum(log.clone(), value?, log.note("after")));
        Ok(handle.join().unwrap())
    }
    everywhere(|_| {
        let log = Log::default();
        assert_eq!(start(Err("no"), &log), Err("no"));
        assert!(log.whats().is_empty());
        assert_eq!(start(Ok(1), &log), Ok(6));
    });
}

#[test]
fn the_value_of_an_argument_is_that_of_the_moment_of_go() {
    everywhere(|_| {
        let (tx, rx) = channel(0);
        let mut i = 0;
        while i < 3 {
            go!(clone(tx) => tx.send(i));
            i += 1;
        }
        let mut got: Vec<i32> = (0..3).map(|_| rx.recv().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2]);
    });
}

#[test]
#[expect(clippy::redundant_closure, reason = "closures as bodies are the point")]
fn other_bodies_run_whole_in_the_goroutine() {
    everywhere(|_| {
        let me = goid();
        assert_ne!(go!({ goid() }).join().unwrap(), me);
        assert_ne!(go!(|| goid()).join().unwrap(), me);
        assert_ne!(go!(move || { goid() }).join().unwrap(), me);
        assert_ne!(go!((goid(), 1)).join().unwrap().0, me);
        assert_ne!(go!(vec![goid()]).join().unwrap(), [me]);
        assert_ne!(
            go!(if me == 0 { goid() } else { goid().max(1) })
                .join()
                .unwrap(),
            me
        );
    });
}

#[test]
fn a_closure_called_in_place_is_a_call() {
    everywhere(|_| {
        let me = goid();
        let handle = go!((|caller: u64, n: i32| (caller, goid(), n))(goid(), 5));
        let id = handle.id();
        assert_eq!(handle.join().unwrap(), (me, id, 5));
    });
}

#[test]
fn closure_literals_as_arguments_keep_their_inferred_types() {
    fn apply(values: Vec<i32>, f: impl Fn(&i32) -> i32) -> i32 {
        values.iter().map(f).sum()
    }
    everywhere(|_| {
        assert_eq!(go!(apply(vec![1, 2], |v| v.pow(2))).join().unwrap(), 5);
        assert_eq!(go!(Some(3).map(|v: i32| v.abs())).join().unwrap(), Some(3));
    });
}

#[test]
fn clone_leaves_the_original_usable() {
    everywhere(|_| {
        let (tx, rx) = channel(2);
        let text = String::from("shared");
        let handle = go!(clone(tx, text) => {
            tx.send(1).unwrap();
            text
        });
        tx.send(2).unwrap();
        assert_eq!(handle.join().unwrap(), text);
        drop(tx);
        assert_eq!(rx.iter().sum::<i32>(), 3);
    });
}

#[test]
fn name_takes_any_expression_that_names() {
    everywhere(|_| {
        let n = 3;
        let formatted = go!(name(format!("worker {n}")) => {});
        let literal = go!(name("worker") => {});
        assert!(format!("{:?}", formatted.name()).contains("worker 3"));
        assert!(format!("{:?}", literal.name()).contains("worker"));
        formatted.join().unwrap();
        literal.join().unwrap();
    });
}

#[test]
fn a_wait_group_counts_the_goroutine_before_it_runs() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        let (tx, rx) = channel::<()>(0);
        for _ in 0..5 {
            go!(in wg, clone(rx) => { settle(); rx.recv() });
        }
        let waiter = go!(clone(wg) => wg.wait());
        settle();
        assert!(!waiter.is_finished());
        drop(tx);
        waiter.join().unwrap();
        wg.wait();
    });
}

#[test]
fn a_wait_group_is_done_by_panic_too() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        for i in 0..5 {
            go!(in wg => { assert!(i % 2 == 0, "on purpose") });
        }
        wg.wait();
    });
}

#[test]
fn heads_combine_in_one_list() {
    everywhere(|_| {
        let wg = WaitGroup::new();
        let (tx, rx) = channel(1);
        let handle =
            go!(in wg, name("both"), stack(1 << 20), clone(tx) => { tx.send(goid()).unwrap() });
        let id = handle.id();
        wg.wait();
        assert_eq!(rx.recv(), Some(id));
        drop(tx);
    });
}

#[test]
fn a_copy_moved_in_is_private() {
    everywhere(|_| {
        let mut count = 1;
        let handle = go!({
            count += 10;
            count
        });
        count += 1;
        assert_eq!((handle.join().unwrap(), count), (11, 2));
    });
}
