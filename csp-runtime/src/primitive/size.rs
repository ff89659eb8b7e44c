//! Sizes in bytes as people write them: `262144`, `256K`, `64 MiB`, `1g`.
//!
//! The letters are powers of 1024, as everywhere where memory is meant; `KB`, which may mean 1000, is
//! not taken. Fractions and hexadecimal are not taken either: a size of a stack needs neither.

/// Reads a size: digits, and perhaps `K`, `M` or `G` of either case, with `i` and `B` or without.
pub(crate) fn parse(text: &str) -> Option<usize> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(scale)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_size_is_read() {
        for (text, bytes) in [
            ("0", 0),
            ("262144", 262_144),
            (" 65536 \n", 65_536),
            ("512B", 512),
            ("256K", 256 << 10),
            ("256k", 256 << 10),
            ("256KiB", 256 << 10),
            ("8 MiB", 8 << 20),
            ("8m", 8 << 20),
            ("1G", 1 << 30),
            ("1gib", 1 << 30),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            " ",
            "K",
            "-1",
            "+1",
            "1.5M",
            "0x1000",
            "1KB",
            "1T",
            "1 K 2",
            "many",
            "1K!",
            "99999999999999999999",
            "99999999999999999G",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
