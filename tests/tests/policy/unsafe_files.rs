//! What the source must look like, checked as text: where `unsafe` may stand, and the house rules a compiler cannot hold.
//!
//! The list of files with `unsafe` is the policy: it grows only together with this file, and a file that no longer needs
//! its place must leave.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of the library that may contain `unsafe`.
const UNSAFE_FILES: &[&str] = &[
    "csp-runtime/src/channel/alarm.rs",
    "csp-runtime/src/channel/arm.rs",
    "csp-runtime/src/channel/buffer.rs",
    "csp-runtime/src/channel/core.rs",
    "csp-runtime/src/channel/done.rs",
    "csp-runtime/src/channel/future.rs",
    "csp-runtime/src/channel/permit.rs",
    "csp-runtime/src/channel/shared.rs",
    "csp-runtime/src/channel/state.rs",
    "csp-runtime/src/coroutine.rs",
    "csp-runtime/src/diag/quit.rs",
    "csp-runtime/src/future/recv.rs",
    "csp-runtime/src/future/send.rs",
    "csp-runtime/src/goroutine/extra.rs",
    "csp-runtime/src/goroutine/mod.rs",
    "csp-runtime/src/goroutine/pool.rs",
    "csp-runtime/src/goroutine/scavenge.rs",
    "csp-runtime/src/stack/slow.rs",
    "csp-runtime/src/migration/live.rs",
    "csp-runtime/src/migration/mod.rs",
    "csp-runtime/src/migration/tests.rs",
    "csp-runtime/src/migration/thread_locals.rs",
    "csp-runtime/src/netpoll/syscall.rs",
    "csp-runtime/src/primitive/barrier.rs",
    "csp-runtime/src/primitive/biased.rs",
    "csp-runtime/src/primitive/frame.rs",
    "csp-runtime/src/primitive/futex.rs",
    "csp-runtime/src/primitive/list.rs",
    "csp-runtime/src/primitive/model.rs",
    "csp-runtime/src/primitive/precise.rs",
    "csp-runtime/src/primitive/prefetch.rs",
    "csp-runtime/src/primitive/section.rs",
    "csp-runtime/src/primitive/spin.rs",
    "csp-runtime/src/primitive/tls.rs",
    "csp-runtime/src/protocol/join.rs",
    "csp-runtime/src/sched/home.rs",
    "csp-runtime/src/sched/machine.rs",
    "csp-runtime/src/sched/proc.rs",
    "csp-runtime/src/sched/signal.rs",
    "csp-runtime/src/sched/thread.rs",
    "csp-runtime/src/select/driver.rs",
    "csp-runtime/src/select/runtime.rs",
    "csp-runtime/src/stacks/ahead.rs",
    "csp-runtime/src/stacks/altstack.rs",
    "csp-runtime/src/stacks/arena.rs",
    "csp-runtime/src/stacks/arena/tests.rs",
    "csp-runtime/src/stacks/bounds.rs",
    "csp-runtime/src/stacks/child.rs",
    "csp-runtime/src/stacks/chunk.rs",
    "csp-runtime/src/stacks/chunk/spare.rs",
    "csp-runtime/src/stacks/fatal.rs",
    "csp-runtime/src/stacks/guard.rs",
    "csp-runtime/src/stacks/limit.rs",
    "csp-runtime/src/stacks/map.rs",
    "csp-runtime/src/stacks/mod.rs",
    "csp-runtime/src/stacks/overflow.rs",
    "csp-runtime/src/stacks/overflow/tests.rs",
    "csp-runtime/src/stacks/segment.rs",
    "csp-runtime/src/stacks/slot.rs",
    "csp-runtime/src/sync/lazy_lock.rs",
    "csp-runtime/src/sync/mutex.rs",
    "csp-runtime/src/sync/once_lock.rs",
    "csp-runtime/src/sync/pool.rs",
    "csp-runtime/src/sync/rwlock/mod.rs",
    "csp-runtime/src/sync/waitgroup.rs",
    "csp-runtime/src/task/handle.rs",
    "csp-runtime/src/task/scope.rs",
    "csp-runtime/src/task/spawn.rs",
    "csp-runtime/src/task/stored.rs",
    "csp-runtime/src/timers/heap.rs",
    "csp-runtime/src/timers/heap/tests.rs",
    "csp-runtime/src/trace/copy.rs",
    "csp-runtime/src/trace/unwind.rs",
    "csp-runtime/src/wait/case.rs",
    "csp-runtime/src/waitlist/waiter.rs",
    "csp-runtime/src/waitlist/wakes.rs",
];

/// The files that write `allow` into expansions: `expect` there would fail whenever the user's code is clean.
const EXPANSIONS: &[&str] = &[
    "csp-macros/src/go/expand.rs",
    "csp-macros/src/select/expand.rs",
];

/// The longest a source file may be.
const LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source file below `folder`, with its path inside `folder` and its text.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the file can be read");
                let inside = path.strip_prefix(folder).expect("a path below the folder");
                found.push((inside.to_string_lossy().into_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{} holds sources", folder.display());
    found
}

fn both_crates() -> Vec<(String, String)> {
    let named = |name: &str| {
        let files = sources(&root().join(name).join("src")).into_iter();
        files
            .map(|(path, text)| (format!("{name}/src/{path}"), text))
            .collect::<Vec<_>>()
    };
    [named("csp-runtime"), named("csp-macros")].concat()
}

/// The text without comments and without what stands in string literals on one line.
fn code(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let outside = line.split('"').step_by(2);
        code.extend(outside);
        code.push('\n');
    }
    code
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c == '_' || c.is_alphanumeric();
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

/// The paths of the files that fail `rule`, for a message.
fn failing(rule: impl Fn(&str) -> bool) -> Vec<String> {
    both_crates()
        .into_iter()
        .filter(|(_, text)| !rule(text))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn unsafe_stands_only_in_the_listed_files() {
    let with: BTreeSet<_> = failing(|text| !has_word(&code(text), "unsafe"))
        .into_iter()
        .collect();
    let listed: BTreeSet<_> = UNSAFE_FILES.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(
        with.difference(&listed).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not listed"
    );
    assert_eq!(
        listed.difference(&with).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "listed without need"
    );
}

#[test]
fn exceptions_from_lints_give_their_reasons() {
    let mut bare = failing(|text| {
        let code = code(text);
        !code.contains("#[allow(") && !code.contains("#![allow(")
    });
    bare.retain(|path| !EXPANSIONS.contains(&path.as_str()));
    assert_eq!(
        bare,
        Vec::<String>::new(),
        "#[expect(…, reason = …)] instead of allow"
    );
    let silent = failing(|text| {
        let attributes = text.split("expect(").skip(1);
        let lints = attributes.filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        lints
            .map(|rest| rest.split(']').next().unwrap_or_default())
            .all(|attribute| {
                // Method calls are `expect("…")`; what is left are lint lists.
                attribute.contains("reason") || !attribute.ends_with(')')
            })
    });
    assert_eq!(
        silent,
        Vec::<String>::new(),
        "an expectation without a reason"
    );
}

#[test]
fn nothing_is_left_to_do() {
    let open = failing(|text| {
        !["todo!(", "unimplemented!(", "dbg!("]
            .iter()
            .any(|mark| text.contains(mark))
    });
    assert_eq!(open, Vec::<String>::new());
    let ignored = sources(&root().join("tests").join("tests")).into_iter();
    let mark = format!("#[{}]", "ignore");
    let ignored: Vec<_> = ignored
        .filter(|(_, text)| text.contains(&mark))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(ignored, Vec::<String>::new());
}

#[test]
fn every_file_says_what_it_is() {
    assert_eq!(
        failing(|text| text.starts_with("//!")),
        Vec::<String>::new()
    );
}

#[test]
fn no_file_is_too_long() {
    assert_eq!(
        failing(|text| text.lines().count() <= LINES),
        Vec::<String>::new()
    );
}

#[test]
fn the_scanner_sees_words_outside_comments_and_strings() {
    assert!(has_word(&code("let x = unsafe { y };"), "unsafe"));
    assert!(!has_word(
        &code("#![deny(unsafe_code)] // unsafe\nlet s = \"unsafe\";"),
        "unsafe"
    ));
}
