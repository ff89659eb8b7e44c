//! The tests of goroutines, their threads, stacks and sockets as one program, as `linked_primitives.rs` explains.

#[path = "blocking.rs"]
mod blocking;
#[path = "goroutines/main.rs"]
mod goroutines;
#[path = "net/main.rs"]
mod net;
#[path = "preemption.rs"]
mod preemption;
#[path = "stack/main.rs"]
mod stack;
#[path = "threads/main.rs"]
mod threads;
