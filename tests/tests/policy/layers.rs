//! Who may import whom inside the library: an ordered table, held to the source.
//!
//! A module may import those of earlier rows only; modules of one row know nothing of each other. The table here is the
//! policy: a change of the order is a change of this file, reviewed as such. Paths are found as text (`crate::name` and
//! `use crate::{…}`), which needs no compiler and cannot be misled by re-exports, because the root's re-exports are not
//! in the table and may not be used from inside.
//!
//! Rejected: one crate per layer, which would make every internal item public.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first.
const LAYERS: &[&[&str]] = &[
    // Loom facade, futex lock, intrusive list, clock, generator: knows nothing of goroutines.
    &["primitive"],
    // Pure state machines, run queues, and the only mmap.
    &["protocol", "queue", "stacks"],
    // The heap of sleepers, which claims their tickets.
    &["timers"],
    // The only stack switch.
    &["coroutine"],
    // Control block, registry, wait reasons.
    &["goroutine"],
    // Who waits, and the lists they stand in.
    &["waitlist"],
    // Return what became ready; never call the scheduler.
    &["netpoll", "trace"],
    // Whether a suspended goroutine may change its thread; is told where its stack is.
    &["migration"],
    // G, M and P.
    &["sched"],
    // The one way to block, for goroutines and plain threads.
    &["wait"],
    // A goroutine's own statics, which end with it.
    &["locals"],
    // What users block on.
    &["task", "blocking", "channel", "diag"],
    // Waits for nothing itself: it closes channels and starts goroutines. `stack` calls on further stacks.
    &["context", "stack"],
    // Its algorithm knows channels only through a trait of `wait`; its public face names their types.
    &["select"],
    // `sync` has the groups that cancel a context.
    &["sync", "time", "bridge", "runtime", "future"],
    &["net"],
    // The surface: may name everything below, and nothing below may name it. Exported macros live at the root.
    &["macros", "defer", "go", "join"],
    &["private"],
    &["prelude"],
    // Models of what the whole promises; in no build but theirs.
    &["memory_model"],
];

/// Exported macros live at the root, whatever module defines them.
const MACROS: &[&str] = &["defer", "go", "join", "local"];

fn rank(name: &str) -> Option<usize> {
    let module = if MACROS.contains(&name) {
        "macros"
    } else {
        name
    };
    LAYERS.iter().position(|row| row.contains(&module))
}

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../csp-runtime/src")
}

/// The files below `folder`; those named `tests.rs` are compiled for tests only and may look anywhere.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

/// The text that counts: no comments (links in them may point anywhere) and no `#[cfg(test)]` tail.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end]
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The first names after `crate::` in `code`; those after `$crate::` are the user's, not ours.
fn imports(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c == '$' || c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => names.extend(name(rest)),
            Some(group) => names.extend(group_names(group)),
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let name: String = text
        .trim_start()
        .chars()
        .take_while(|c| *c == '_' || c.is_alphanumeric())
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The names at the first level of `a::b, c::{d, e}, f}…`.
fn group_names(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// `channel/mod.rs` and `channel.rs` are both `channel`; the root has no module.
fn module_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(library()).expect("a file of the library");
    let first = inside
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    let module = first.trim_end_matches(".rs");
    (module != "lib").then(|| module.to_owned())
}

#[test]
fn modules_import_only_from_lower_layers() {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    sources(&library(), &mut files);
    for path in files {
        let Some(module) = module_of(&path) else {
            continue;
        };
        let Some(own) = rank(&module) else {
            faults.push(format!(
                "{}: module `{module}` has no layer",
                path.display()
            ));
            continue;
        };
        for name in imports(&code(
            &fs::read_to_string(&path).expect("the file can be read"),
        )) {
            let allowed = name == module || rank(&name).is_some_and(|other| other < own);
            if !allowed {
                faults.push(format!(
                    "{}: `{module}` may not use `crate::{name}`",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn imports_are_found_in_every_spelling() {
    let text = "
        use crate::wait::Waiter; // not crate::comment
        use crate::{channel::{self, Sender}, sched, time::Timer};
        fn f() { crate::select::run(); $crate::macros::x(); other_crate::y(); }
    ";
    let found: Vec<_> = imports(&code(text)).into_iter().collect();
    assert_eq!(found, ["channel", "sched", "select", "time", "wait"]);
}

#[test]
fn only_one_file_switches_stacks_and_one_folder_maps_memory() {
    let mut files = Vec::new();
    sources(&library(), &mut files);
    for path in files {
        let module = module_of(&path).unwrap_or_default();
        let text = code(&fs::read_to_string(&path).expect("the file can be read"));
        assert!(
            module == "coroutine" || !text.contains("corosensei::"),
            "{} switches stacks",
            path.display()
        );
        let maps = [
            "libc::mmap",
            "libc::munmap",
            "libc::madvise",
            "libc::mprotect",
        ];
        let maps = maps.iter().any(|call| text.contains(call));
        assert!(
            module == "stacks" || !maps,
            "{} maps memory",
            path.display()
        );
    }
}
