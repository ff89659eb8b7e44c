//! Holds the `digest` example to `find | sort | xargs sha256sum`, byte for byte, and to its promises
//! about errors and Ctrl-C.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

mod tree;
mod watchdog;

use tree::{Tree, odd_tree};
use watchdog::{Running, run};

/// A user without rights, for tests that run as root.
const NOBODY: u32 = 65534;

fn digest(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(watchdog::example("digest"));
    command.arg(path);
    command
}

/// What the tools print, run in `directory`.
fn reference(directory: &Path, path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    let script = r#"find "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum"#;
    command
        .args(["-c", script, "sh"])
        .arg(path)
        .current_dir(directory);
    command
}

#[track_caller]
fn assert_same_listing(ours: &Output, theirs: &Output) {
    let lines = |output: &Output| -> Vec<String> {
        output
            .stdout
            .split(|byte| *byte == b'\n')
            .map(|line| line.escape_ascii().to_string())
            .collect()
    };
    for (n, (ours, theirs)) in lines(ours).iter().zip(&lines(theirs)).enumerate() {
        assert_eq!(ours, theirs, "line {}", n + 1);
    }
    assert!(ours.stdout == theirs.stdout, "one listing is longer");
}

#[test]
fn listing_equals_that_of_sha256sum() {
    let tree = odd_tree("same");
    let theirs = run(&mut reference(Path::new("/"), &tree));
    assert!(theirs.status.success() && theirs.stdout.len() > 100_000);
    for procs in ["1", "2", "4"] {
        let ours = run(digest(&tree).env("GOMAXPROCS", procs));
        assert_same_listing(&ours, &theirs);
        assert_eq!(ours.status.code(), Some(0));
        assert_eq!(ours.stderr, b"", "no progress bar without a terminal");
    }
}

#[test]
fn path_is_printed_as_find_prints_it() {
    let tree = odd_tree("paths");
    let paths = [
        ".",
        "./",
        "d",
        "d/",
        "d//",
        "./d/.",
        "in new\nline",
        "-n",
        "large",
        "back\\slash",
        "empty",
        "no entries",
        "fifo",
        "dangling",
        "link to file",
        "link to directory",
        "link to directory/",
    ];
    for path in paths {
        // `find` takes a leading dash for an option; ours has none.
        let theirs = if path == "-n" {
            run(Command::new("sha256sum")
                .arg("--")
                .arg(path)
                .current_dir(tree.path("")))
        } else {
            run(&mut reference(&tree.path(""), path))
        };
        let ours = run(digest(path).current_dir(tree.path("")));
        assert_same_listing(&ours, &theirs);
        assert_eq!(ours.status.code(), Some(0), "{path:?}");
    }
}

#[test]
fn missing_path_is_reported_with_status_1() {
    for (path, reason) in [
        ("/no/such path", "No such file or directory"),
        ("", "No such file or directory"),
        ("/proc/self/status/", "Not a directory"),
    ] {
        let output = run(&mut digest(path));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr, format!("digest: {path}: {reason}\n"));
    }
}

#[test]
fn wrong_number_of_arguments_is_reported_with_status_2() {
    for arguments in [&[][..], &["a", "b"]] {
        let output = run(Command::new(watchdog::example("digest")).args(arguments));
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(output.stdout, b"");
        assert_eq!(output.stderr, b"usage: digest PATH\n");
    }
}

#[test]
fn read_error_is_reported_with_status_1() {
    // A regular file that opens but whose first byte, at address 0, cannot be read.
    let output = run(&mut digest("/proc/self/mem"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "digest: /proc/self/mem: Input/output error\n");
}

#[test]
fn unreadable_entries_are_reported_and_the_rest_is_done() {
    let tree = Tree::new("unreadable");
    let file = tree.file("b", b"secret");
    let directory = tree
        .file("d/hidden", b"secret")
        .parent()
        .unwrap()
        .to_owned();
    for name in ["a", "c", "e/f", "z"] {
        tree.file(name, name.as_bytes());
    }
    // Root may read everything, so as root the programs run as nobody, who has to get that far.
    let elsewhere = Tree::new("program");
    let program = elsewhere.path("digest");
    // By a child: open for writing here, it would be so in what other tests start meanwhile, and could not be run.
    let mut copy = Command::new("cp");
    copy.arg(watchdog::example("digest")).arg(&program);
    assert!(run(&mut copy).status.success());
    let mut open = Command::new("chmod");
    open.args(["-R", "a+rX"]).args([&tree, &elsewhere]);
    assert!(run(&mut open).status.success());
    for path in [&file, &directory] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let mut ours = Command::new(&program);
    ours.arg(&tree);
    let mut theirs = reference(Path::new("/"), &tree);
    if File::open(&file).is_ok() {
        ours.uid(NOBODY);
        theirs.uid(NOBODY);
    }
    let (ours, theirs) = (run(&mut ours), run(&mut theirs));
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();

    assert_same_listing(&ours, &theirs);
    assert_eq!(ours.stdout.iter().filter(|byte| **byte == b'\n').count(), 4);
    assert_eq!(ours.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&ours.stderr);
    let mut reports: Vec<&str> = stderr.lines().collect();
    reports.sort();
    let expected =
        [file, directory].map(|path| format!("digest: {}: Permission denied", path.display()));
    assert_eq!(reports, expected);
}

#[test]
fn full_or_closed_output_stops_the_run_with_status_1() {
    let tree = Tree::new("output");
    // More lines than a pipe takes: to one that nobody reads, writing waits until the reader is gone.
    for i in 0..2000 {
        tree.file(format!("{i:04}"), b"");
    }
    // Left unstopped, this would keep a hasher busy for minutes.
    File::create(tree.path("zzz"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    for (sink, reason) in [
        ("> /dev/full", "No space left on device"),
        ("| true", "Broken pipe"),
    ] {
        let script = format!(r#"{{ "$0" "$1"; echo $? >&2; }} {sink}"#);
        let output = run(Command::new("sh")
            .args(["-c", &script])
            .arg(watchdog::example("digest"))
            .arg(&tree));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr, format!("digest: standard output: {reason}\n1\n"));
    }
}

/// Waits until process `pid` has `path` open.
fn wait_until_open(pid: u32, path: &Path) {
    let is_open = || {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("the child is running");
        descriptors
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path))
    };
    let deadline = Instant::now() + watchdog::LIMIT;
    while !is_open() {
        assert!(Instant::now() < deadline, "the child never opened {path:?}");
        thread::yield_now();
    }
}

#[test]
fn interrupt_stops_the_run_with_status_130_and_whole_lines() {
    let tree = Tree::new("interrupt");
    for i in 0..500 {
        tree.file(format!("{i:03}"), b"");
    }
    let endless = tree.path("500");
    File::create(&endless).unwrap().set_len(1 << 40).unwrap();
    for i in 501..1000 {
        tree.file(format!("{i:03}"), b"");
    }
    let theirs = run(Command::new("sh")
        .args(["-c", "sha256sum \"$0\"/[0-4]*"])
        .arg(&tree));
    for procs in ["1", "2", "4"] {
        let running = Running::start(digest(&tree).env("GOMAXPROCS", procs));
        wait_until_open(running.pid(), &endless);
        running.signal("INT");
        let output = running.finish();
        assert_eq!(output.status.code(), Some(130), "{procs} Ps");
        assert_eq!(output.stderr, b"");
        assert!(
            theirs.stdout.starts_with(&output.stdout),
            "the listing's beginning"
        );
        assert!(
            output.stdout.is_empty() || output.stdout.ends_with(b"\n"),
            "whole lines"
        );
    }
}

#[test]
fn interrupt_ends_a_run_whose_reader_has_stalled() {
    let tree = Tree::new("stalled");
    for i in 0..2000 {
        tree.file(format!("{i:04}"), b"");
    }
    let (mut reader, writer) = io::pipe().unwrap();
    let running = Running::start_into(writer, &mut digest(&tree));
    // The output has begun, and no pipe takes all of it.
    let mut output = vec![0];
    reader.read_exact(&mut output).unwrap();
    running.signal("INT");
    assert_eq!(running.finish().status.code(), Some(130));

    reader.read_to_end(&mut output).unwrap();
    assert!(output.ends_with(b"\n"), "whole lines");
}
