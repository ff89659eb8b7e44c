//! The index of the example programs; the package has no other code.
//!
//! Run one from the workspace root with `cargo run --release --example NAME`. A program whose header
//! has a `text` block prints exactly that; `cargo test -p csp-examples` runs every program and
//! compares.
//!
//! | NAME | shows |
//! |---|---|
//! | `hello` | starting a goroutine and waiting for it |
//! | `three_ways` | the forms a `go!` statement takes |
//! | `closure_capture` | a variable that outlives the function it was declared in |
//! | `loop_variable` | every goroutine with its own loop variable |
//! | `fork_join_counter` | forking, joining, and counting without a data race |
//! | `alphabets` | the same two goroutines on one P and on two |
//! | `ping_pong` | taking turns over an unbuffered channel |
//! | `pipeline` | producer, stage and consumer, ended by closing |
//! | `prime_sieve` | a chain of goroutines that grows as it runs |
//! | `deep_parser` | recursion a million levels deep, on a stack that grows |
//! | `million` | very many goroutines at once, what one costs, and that the memory goes back |
//! | `fan_in` | merging two producers with `select!` |
//! | `worker_pool` | a fixed number of workers on one queue |
//! | `timeout` | giving up on a slow answer |
//! | `non_blocking` | sending and receiving only if it can be done at once |
//! | `condvar_queue` | a bounded queue of a mutex and two condition variables, with signal and broadcast |
//! | `once_config` | a configuration that is read once, however many ask for it |
//! | `object_pool` | buffers that are used again instead of being allocated |
//! | `atomics_counter` | counting with atomics and with a mutex |
//! | `bank_account` | transfers under two mutexes at once, without a deadlock |
//! | `rw_cache` | a cache with many readers and few writers |
//! | `rate_limiter` | a steady rate with a ticker, bursts with a bucket of tokens |
//! | `pipeline_cancel` | stages that all stop when the consumer has enough |
//! | `context_tour` | cancelling, deadlines, timeouts and values |
//! | `errgroup_fetch` | several files read at once, until the first error |
//! | `tcp_ticker` | a TCP server that writes to every client each second, and its client |
//! | `hash_slices` | two hashers that share one P because the scheduler stops them in turn |
//! | `blocking_read` | a read that blocks its thread and not the other goroutines |
//! | `web_crawler` | fetching each page of a site once, a few at a time |
//! | `http_client` | asynchronous libraries: `hyper` over a tokio reactor, called by goroutines |
//! | `chat` | a broadcaster, and two goroutines for each client |
//! | `graceful_shutdown` | a server that Ctrl-C stops without cutting anybody off |
//! | `thumbnails` | small copies of all images in a directory, in three stages |
//! | `digest` | a whole program: the SHA-256 of every file under a directory |
