//! With a buffer, a send does not wait for its receive: the receiver may still be writing.

use csp::prelude::*;

fn main() {
    let (question, questions) = channel(1);
    let mut answer = 0;
    scope(|s| {
        go!(in s, ref(mut answer, questions) => {
            *answer = 42;
            questions.recv();
        });
        question.send(()).unwrap();
        assert_eq!(answer, 42);
    });
}
