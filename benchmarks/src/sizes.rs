//! Holds the sizes in Go's program to those here, as text: both are written `NAME = VALUE`, in the manner of the language.

use std::collections::BTreeMap;

/// The lines `NAME = VALUE` of a text, without what surrounds them.
fn constants(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| {
        let (name, value) = line.split_once(" = ")?;
        let name = name.trim().trim_start_matches("pub const ");
        let name = name.split(':').next()?.trim();
        let value = value.trim().trim_end_matches(';');
        Some((name.to_owned(), value.to_owned()))
    });
    lines.collect()
}

/// `someName` as `SOME_NAME`.
fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            shouted.push('_');
        }
        shouted.push(letter.to_ascii_uppercase());
    }
    shouted
}

#[test]
fn go_does_as_much_as_the_others() {
    let rust = constants(include_str!("lib.rs"));
    let go = constants(include_str!("../go/sizes.go"));
    assert!(go.len() > 20, "{go:?}");
    for (name, value) in &go {
        assert_eq!(rust.get(&shouted(name)), Some(value), "{name}");
    }
    let of_rust_alone = [
        "HOG_SLEEP",
        "SKYNET_SUM",
        "THREADS_LESS",
        "THREADS_PRIMES",
        "TIMERS_SPREAD",
    ];
    let sizes = rust
        .keys()
        .filter(|name| name.chars().all(|c| !c.is_lowercase()));
    for name in sizes.filter(|name| !of_rust_alone.contains(&name.as_str())) {
        assert!(go.keys().any(|of_go| shouted(of_go) == *name), "{name}");
    }
}
