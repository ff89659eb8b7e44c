//! Directory trees for the digest example to walk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::watchdog::run;

/// A fresh directory, removed at the end of the test.
pub(crate) struct Tree(PathBuf);

impl Tree {
    /// An empty one, told apart from those of other tests by its name.
    pub(crate) fn new(name: &str) -> Tree {
        let root = std::env::temp_dir().join(format!("csp-digest-{}-{name}", std::process::id()));
        fs::create_dir(&root).unwrap();
        Tree(root)
    }

    /// Where the entry `name` is or would be.
    pub(crate) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.join(Path::new(name.as_ref()))
    }

    /// Writes a file, with the directories it needs.
    pub(crate) fn file(&self, name: impl AsRef<OsStr>, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl AsRef<OsStr> for Tree {
    fn as_ref(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // A tree left behind is no reason for a test to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tree with everything that is hard to name, to find or to order.
pub(crate) fn odd_tree(name: &str) -> Tree {
    let tree = Tree::new(name);
    for odd in [
        "new\nline",
        "back\\slash",
        "carriage\rreturn",
        "tab\tbed",
        "three of them \\\n\r",
    ] {
        tree.file(odd, odd.as_bytes());
        tree.file(format!("in {odd}/{odd}"), odd.as_bytes());
    }
    for odd in [
        "-n",
        "--help",
        " ",
        "a  b",
        "*",
        "'",
        "\"",
        "$HOME",
        "\u{1b}[31m",
        ".hidden",
        "é",
    ] {
        tree.file(odd, odd.as_bytes());
    }
    tree.file(OsStr::from_bytes(b"not utf-8 \xff\xfe"), b"bytes");
    tree.file(OsStr::from_bytes(b"\x80/\xc3\x28"), b"more bytes");

    // Names on both sides of '/' that a sort of the entries alone would put in the wrong order.
    for near in [
        "d/x", "d-", "d.txt", "d0", "d!/x", "d/x-", "d/y/z", "d/y.z", "D",
    ] {
        tree.file(near, near.as_bytes());
    }
    tree.file("empty", b"");
    tree.file("one byte", b"1");
    let large: Vec<u8> = (0..5 << 20)
        .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    tree.file("large", &large);
    tree.file("deep/".repeat(200) + "file", b"down here");
    for i in 0..2000 {
        tree.file(format!("many/{}/{i}", i % 17), i.to_string().as_bytes());
    }
    fs::create_dir(tree.path("no entries")).unwrap();
    symlink("large", tree.path("link to file")).unwrap();
    symlink("d", tree.path("link to directory")).unwrap();
    symlink(".", tree.path("link to itself")).unwrap();
    symlink("nowhere", tree.path("dangling")).unwrap();
    assert!(
        run(Command::new("mkfifo").arg(tree.path("fifo")))
            .status
            .success()
    );
    tree
}
