//! The macros' compile errors, held to their exact text, programs that must compile and run, and the documents that
//! name such programs and tests.
//!
//! `ui/fail` has one mistake a file, with the compiler's answer beside it; `TRYBUILD=overwrite` writes
//! the answers anew, and the difference is then to be read. `ui/pass` is compiled with warnings denied
//! and run. The programs `memory_…` of both are those of `docs/memory-model.md`, which shows them as they are.
//! `docs/behaviours.md` names a test for each behaviour; it has to exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[test]
fn mistakes_are_explained_and_programs_run() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}

/// The text of a file of the repository.
fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_document_shows_the_programs_that_are_tested() {
    let document = text("../docs/memory-model.md");
    let mut shown = 0;
    for folder in ["ui/pass", "ui/fail"] {
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        for file in files.map(|file| file.unwrap().file_name().into_string().unwrap()) {
            if file.starts_with("memory_") && file.ends_with(".rs") {
                let program = text(&format!("{folder}/{file}"));
                let program = &program[program.find("use ").expect("a program uses csp")..];
                assert!(document.contains(program), "{folder}/{file} is not shown");
                assert!(document.contains(&file), "{folder}/{file} is not named");
                shown += 1;
            }
        }
    }
    assert_eq!(shown, 12, "two programs for each rule");
}

/// The repository, and below it the tests.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The names of the test functions in each file or folder of tests/tests, by its name without `.rs`.
fn tests_of_the_tree() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(root().join("tests/tests")).expect("the folder can be read") {
        let path = file.expect("the entry can be read").path();
        let stem = path.file_stem().expect("a file has a name");
        let stem = stem.to_string_lossy().into_owned();
        let names: &mut BTreeSet<_> = found.entry(stem).or_default();
        if path.is_dir() {
            for part in fs::read_dir(path).expect("the folder can be read") {
                names.extend(tests_of(&part.expect("the entry can be read").path()));
            }
        } else {
            names.extend(tests_of(&path));
        }
    }
    found
}

/// The names of the test functions in one file.
fn tests_of(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).expect("the file can be read");
    let (mut names, mut marked) = (BTreeSet::new(), false);
    for line in text.lines() {
        marked |= line.starts_with("#[test]") || line.starts_with("#[csp::test");
        if let Some(rest) = line.strip_prefix("fn ")
            && std::mem::take(&mut marked)
        {
            names.extend(rest.split('(').next().map(str::to_owned));
        }
    }
    names
}

/// What stands between backticks in `cell`.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_documented_behaviour_names_a_test_that_exists() {
    let document = text("../docs/behaviours.md");
    let tests = tests_of_the_tree();
    let (mut rows, mut faults) = (0, Vec::new());
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        if cells.last().is_some_and(|cell| cell.trim() == "test") {
            continue; // the head of a table
        }
        rows += 1;
        let names: Vec<_> = quoted(cells.last().expect("a row has cells")).collect();
        if cells.len() != 3 || names.is_empty() {
            faults.push(format!("not three cells with a test in the last: {line}"));
        }
        for name in names {
            let exists = match name.split_once("::") {
                Some((file, test)) => tests.get(file).is_some_and(|names| names.contains(test)),
                None => name.starts_with("ui/") && root().join("tests").join(name).is_file(),
            };
            if !exists {
                faults.push(format!("no test `{name}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(rows > 100, "the tables were not found: {rows} rows");
}
