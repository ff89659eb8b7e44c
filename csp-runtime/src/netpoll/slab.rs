//! Where sources live: a table that grows by doubling and never shrinks.
//!
//! ```text
//!   chunk 0      chunk 1          chunk 2                     …
//!   64 sources   128 sources      256 sources
//! ```
//!
//! Sources never move and are never freed, so a late event finds a source whatever has become of its
//! socket, and looking one up takes no lock. Free ones are a stack, linked through the sources.
//!
//! The system hands a token back with each event: the place in the table and the generation. A pointer as
//! token, as Go has it, would save the look-up and cost an `unsafe`.

use std::sync::OnceLock;

use mio::Token;

use super::source::Source;
use crate::primitive::spin::Spin;
use crate::primitive::sync::Ordering;

/// Sources in the first chunk.
const FIRST: u32 = 64;
/// Chunks; together they hold more sources than there can be descriptors.
const CHUNKS: usize = 24;
/// Bits of a token for the place; the rest is the generation's.
const INDEX_BITS: u32 = if usize::BITS == 64 { 32 } else { 20 };
/// The end of the list of free sources.
const NONE: u32 = u32::MAX;

static CHUNKS_OF_SOURCES: [OnceLock<Box<[Source]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

static FREE: Spin<Free> = Spin::new(Free {
    head: NONE,
    fresh: 0,
});

/// Which sources are free.
struct Free {
    /// The first of those that were used before, or `NONE`.
    head: u32,
    /// The first that was never used.
    fresh: u32,
}

/// The token for a source and one of its owners. Never that of the waker, whose place does not exist.
pub(super) fn token(source: &Source, generation: u32) -> Token {
    // On 32 bits the upper bits of the generation are lost; then an event may wake for nothing.
    Token((generation as usize) << INDEX_BITS | source.index as usize)
}

/// The source that a token names, and whether `generation` is that of the token.
pub(super) fn find(token: Token) -> Option<(&'static Source, u32)> {
    let index = token.0 & ((1 << INDEX_BITS) - 1);
    let source = at(u32::try_from(index).ok()?)?;
    Some((source, (token.0 >> INDEX_BITS) as u32))
}

/// The chunk of a place, and the place in it.
fn split(index: u32) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2();
    (chunk as usize, (index - start(chunk)) as usize)
}

/// The first place of a chunk.
fn start(chunk: u32) -> u32 {
    FIRST * ((1 << chunk) - 1)
}

fn at(index: u32) -> Option<&'static Source> {
    let (chunk, place) = split(index);
    CHUNKS_OF_SOURCES.get(chunk)?.get()?.get(place)
}

/// A source for a new socket. Allocates if all are in use.
pub(super) fn take() -> &'static Source {
    let index = {
        let mut free = FREE.lock();
        match at(free.head) {
            Some(source) => {
                free.head = source.next.load(Ordering::Relaxed);
                return source;
            }
            None => {
                free.fresh += 1;
                free.fresh - 1
            }
        }
    };
    let (chunk, place) = split(index);
    let sources = CHUNKS_OF_SOURCES[chunk].get_or_init(|| {
        let from = start(chunk as u32);
        (from..from + (FIRST << chunk)).map(Source::new).collect()
    });
    &sources[place]
}

/// Gives a source back; it is registered nowhere, and its generation is over.
pub(super) fn give_back(source: &'static Source) {
    let mut free = FREE.lock();
    source.next.store(free.head, Ordering::Relaxed);
    free.head = source.index;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_each_other_through_the_chunks() {
        assert_eq!(split(0), (0, 0));
        assert_eq!(split(63), (0, 63));
        assert_eq!(split(64), (1, 0));
        assert_eq!(split(191), (1, 127));
        assert_eq!(split(192), (2, 0));
        let last = start(CHUNKS as u32) - 1;
        let places = (FIRST as usize) << (CHUNKS - 1);
        assert_eq!(split(last), (CHUNKS - 1, places - 1));
    }

    #[test]
    fn a_token_leads_back_to_its_source() {
        let sources: Vec<_> = (0..200).map(|_| take()).collect();
        for (n, source) in sources.iter().enumerate() {
            let (found, generation) = find(token(source, n as u32)).expect("the source exists");
            assert!(std::ptr::eq(found, *source));
            assert_eq!(generation, n as u32);
        }
        sources.into_iter().for_each(give_back);
    }

    #[test]
    fn a_place_that_does_not_exist_is_not_found() {
        assert!(find(super::super::WAKE).is_none());
    }
}
