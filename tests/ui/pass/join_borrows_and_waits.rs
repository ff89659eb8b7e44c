//! `join!` runs its arms as goroutines that borrow, gives a tuple, and re-raises the first panic.

#![deny(warnings)]

use csp::join;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

fn length(text: &str) -> usize {
    text.len()
}

fn main() {
    let mut values = vec![1, 2];
    let text = String::from("abc");
    let moved = String::from("moved");
    let (a, (), b, c) = join!(
        length(&text),
        values.push(3),
        {
            let number: u32 = match "7".parse() {
                Ok(number) => number,
                Err(_) => return_none()?,
            };
            Some(number)
        },
        moved,
    );
    assert_eq!((a, b, c.as_str()), (3, Some(7), "moved"));
    assert_eq!(values, [1, 2, 3]);
    assert_eq!(join!(1 + 1), (2,));
    assert_eq!(join!(|| text.len(), join!(1, 2)), (3, (1, 2)));

    let finished = AtomicBool::new(false);
    let result = catch_unwind(AssertUnwindSafe(|| {
        join!(
            std::panic::resume_unwind(Box::new("first")),
            finished.store(true, Ordering::SeqCst)
        )
    }));
    assert_eq!(
        result.err().and_then(|p| p.downcast().ok()),
        Some(Box::new("first"))
    );
    assert!(finished.load(Ordering::SeqCst));
}

fn return_none() -> Option<u32> {
    None
}
