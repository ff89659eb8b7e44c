//! `CSP_STACK_MAX`: how large a stack may grow, all its segments together.

use std::io::{self, Write};
use std::sync::OnceLock;

use crate::primitive::size;

/// Go's limit.
const DEFAULT: usize = 1 << 30;

/// The most bytes of a goroutine's or thread's stacks; from the environment, which is read once.
pub(super) fn most() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let value = std::env::var_os("CSP_STACK_MAX").filter(|value| !value.is_empty());
        let Some(value) = value else {
            return DEFAULT;
        };
        parse(&value.to_string_lossy()).unwrap_or_else(|| {
            let _ = writeln!(
                io::stderr(),
                "csp: CSP_STACK_MAX={value:?} ignored: expected a number of bytes, as in 512M or 4G; using 1G"
            );
            DEFAULT
        })
    })
}

/// A size above zero, written as that of `CSP_STACK`.
fn parse(value: &str) -> Option<usize> {
    size::parse(value).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_have_a_unit() {
        for (text, bytes) in [
            ("65536", Some(65536)),
            ("64K", Some(64 << 10)),
            (" 512m\n", Some(512 << 20)),
            ("4G", Some(4 << 30)),
            ("0", None),
            ("0G", None),
            ("-1", None),
            ("G", None),
            ("1T", None),
            ("1 G", Some(1 << 30)),
            ("2GiB", Some(2 << 30)),
            ("much", None),
            ("99999999999999999999", None),
            ("99999999999999G", None),
        ] {
            assert_eq!(parse(text), bytes, "{text:?}");
        }
    }
}
