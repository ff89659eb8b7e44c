//! Futures: running any on a goroutine, and being one for any executor.
//!
//! | file | what |
//! |---|---|
//! | `block_on` | runs a future on the calling goroutine or thread |
//! | `recv`, `send` | a receive and a send as futures |
//! | `handle` | a goroutine's end as a future |
//! | `wakes` | the goroutine that calls wakers |
//!
//! Neither knows the other: `block_on` hands out an ordinary `Waker`, and our futures call whatever `Waker` they were
//! polled with. How a future waits without parking is in `waitlist`, and what it does to a channel in `channel`.

mod block_on;
mod handle;
mod recv;
mod send;
mod wakes;

pub use block_on::block_on;
pub use recv::RecvFuture;
pub use send::SendFuture;
