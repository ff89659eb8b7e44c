//! A read that the library knows nothing of does not stop the other goroutines, even with one P: the scheduler sees
//! that the thread sits in a system call and gives its P to another. `csp::blocking` says so in advance, and the P is
//! passed on sooner.
//!
//! `cargo run --release --example blocking_read` prints
//!
//! ```text
//! unmarked: 10 ticks went by during the read of "hello"
//! marked: 10 ticks went by during the read of "hello"
//! ```

use std::io::{self, PipeReader, PipeWriter, Read, Write};

use csp::prelude::*;

const TICKS: u32 = 10;

/// Reads to the end of the pipe as any library would, blocking the thread.
fn read(mut pipe: PipeReader) -> io::Result<String> {
    let mut text = String::new();
    pipe.read_to_string(&mut text)?;
    Ok(text)
}

/// Counts ticks of the clock, then writes what the reader waits for, and closes the pipe.
fn tick_then_write(mut pipe: PipeWriter) -> io::Result<u32> {
    let ticker = csp::time::tick(Duration::from_millis(5));
    let ticks = ticker.iter().take(TICKS as usize).count() as u32;
    pipe.write_all(b"hello")?;
    Ok(ticks)
}

fn try_with(how: &str, read: impl FnOnce(PipeReader) -> io::Result<String> + Send + 'static) {
    let (reader, writer) = io::pipe().unwrap();
    let (reading, starts) = channel(0);
    let (text, texts) = channel(0);

    go!({
        reading.send(()).unwrap();
        text.send(read(reader).unwrap()).unwrap();
    });
    starts.recv();
    // The pipe is empty until this goroutine has seen all its ticks, so the read lasts as long.
    let ticker = go!(tick_then_write(writer));

    select! {
        Some(text) = <-texts => {
            let ticks = ticker.join().unwrap().unwrap();
            assert_eq!((text.as_str(), ticks), ("hello", TICKS));
            println!("{how}: {ticks} ticks went by during the read of {text:?}");
        }
        <-after(Duration::from_secs(30)) => panic!("{how}: the read does not end"),
    }
}

#[csp::main(gomaxprocs = 1)]
fn main() {
    try_with("unmarked", read);
    try_with("marked", |pipe| csp::blocking(|| read(pipe)));
}
