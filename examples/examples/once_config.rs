//! A configuration that is read from its file when it is first asked for, and only then, however many goroutines ask
//! for it at once.
//!
//! `cargo run --release --example once_config` prints
//!
//! ```text
//! nothing was read yet
//! 50 goroutines asked for the configuration, it was read once
//! 50 connections to localhost:8080, greeted once
//! the file is gone, the configuration is still there
//! ```

use std::collections::HashMap;
use std::path::PathBuf;
use std::{env, fs, process};

use csp::prelude::*;
use csp::sync::atomic::{AtomicUsize, Ordering};
use csp::sync::{LazyLock, Once, OnceLock};

const GOROUTINES: usize = 50;

#[derive(Debug)]
struct Config {
    host: String,
    port: u16,
}

/// Where the configuration lies. Computed when it is first used: the closure is part of the static.
static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| env::temp_dir().join(format!("once-config-{}.conf", process::id())));

/// The configuration. How to get it says who asks.
static CONFIG: OnceLock<Config> = OnceLock::new();

/// Says hello at the first connection; there is nothing to keep.
static GREETING: Once = Once::new();

static READS: AtomicUsize = AtomicUsize::new(0);
static GREETINGS: AtomicUsize = AtomicUsize::new(0);

/// Lines of the form `key = value`.
fn parse(text: &str) -> Option<Config> {
    let entries: HashMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    Some(Config {
        host: entries.get("host")?.to_string(),
        port: entries.get("port")?.parse().ok()?,
    })
}

/// The first call reads the file while the others wait for it; every later one is a load.
fn config() -> &'static Config {
    CONFIG.get_or_init(|| {
        READS.fetch_add(1, Ordering::Relaxed);
        let text = fs::read_to_string(&*PATH).expect("main has written it");
        parse(&text).expect("and it is complete")
    })
}

fn connect() -> String {
    GREETING.call_once(|| {
        GREETINGS.fetch_add(1, Ordering::Relaxed);
    });
    let Config { host, port } = config();
    format!("{host}:{port}")
}

#[csp::main]
fn main() {
    fs::write(&*PATH, "host = localhost\nport = 8080\n").expect("a directory for temporary files");
    assert!(CONFIG.get().is_none() && !GREETING.is_completed());
    println!("nothing was read yet");

    // They all wait at the gate, and set off at once when it closes.
    let (gate, open) = channel::<()>(0);
    let goroutines: Vec<_> = (0..GOROUTINES)
        .map(|_| {
            go!(clone(open) => {
                open.recv();
                connect()
            })
        })
        .collect();
    gate.close();
    let addresses = goroutines.into_iter().map(|g| g.join().unwrap());
    let addresses: Vec<String> = addresses.collect();
    let (reads, greetings) = (
        READS.load(Ordering::Relaxed),
        GREETINGS.load(Ordering::Relaxed),
    );
    assert_eq!((reads, greetings), (1, 1));
    assert!(addresses.iter().all(|address| address == "localhost:8080"));
    println!("{GOROUTINES} goroutines asked for the configuration, it was read once");
    println!(
        "{} connections to {}, greeted once",
        addresses.len(),
        addresses[0]
    );

    fs::remove_file(&*PATH).expect("nobody else removes it");
    assert_eq!(config().port, 8080);
    println!("the file is gone, the configuration is still there");
}
