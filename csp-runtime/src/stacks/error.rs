//! [`StackError`]: why there is no further stack, which limit was met and what to change.
//!
//! Building one allocates nothing, because it may happen where the runtime must not allocate.
//! Turning it into an [`io::Error`] does, and is for code that is about to hand it to the user.

use super::class::SizeClass;
use super::limit::Limit;
use core::fmt;
use std::error::Error;
use std::io;

/// Why the arena could not hand out a stack.
#[derive(Debug)]
pub(crate) enum StackError {
    /// The stack asked for is larger than the largest class.
    TooLarge {
        /// What was asked for.
        bytes: usize,
    },
    /// No mapping could be made, not even for one slot, or the class has used up its mappings.
    AddressSpace {
        /// The size of the slot wanted.
        class: SizeClass,
        /// How many slots of that size exist.
        stacks: usize,
        /// Which limit was met, as far as that can be found out.
        limit: Limit,
        /// What the system said; `None` when the table of mappings is full.
        source: Option<io::Error>,
    },
    /// Guards are set by `mprotect`, and the process may have no more memory maps.
    MapCount {
        /// How many stacks have such a guard.
        stacks: usize,
        /// What the system said; `None` when the runtime stopped short of the limit.
        source: Option<io::Error>,
    },
    /// The system refused a guard for a reason of its own.
    Guard {
        /// What the system said.
        source: io::Error,
    },
    /// The system's pages are larger than the smallest guard.
    PageSize {
        /// The system's page size.
        bytes: usize,
    },
    /// No alternate signal stack could be set up for a thread.
    SignalStack {
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(
                f,
                "a goroutine stack of {bytes} bytes is above the largest possible, {}; ask for \
                 less, or keep large data on the heap",
                SizeClass::MAX
            ),
            Self::AddressSpace {
                class,
                stacks,
                limit,
                ..
            } => write!(
                f,
                "no address space for another {class} goroutine stack, {stacks} exist; {limit}, or \
                 ask for smaller stacks"
            ),
            Self::MapCount { stacks, .. } => write!(
                f,
                "no memory maps for another goroutine stack, {stacks} exist and each needs two \
                 while guards are set with mprotect; raise vm.max_map_count or use a kernel with \
                 guard regions (Linux 6.13)"
            ),
            Self::Guard { .. } => f.write_str("cannot set the guard of a goroutine stack"),
            Self::PageSize { bytes } => write!(
                f,
                "memory pages of {bytes} bytes are larger than the smallest stack guard, {}; use \
                 a kernel with smaller pages",
                SizeClass::DEFAULT.guard_size() / 2
            ),
            Self::SignalStack { .. } => f.write_str(
                "cannot set up a thread's alternate signal stack; raise RLIMIT_AS (ulimit -v) or \
                 vm.max_map_count",
            ),
        }
    }
}

impl Error for StackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLarge { .. } | Self::PageSize { .. } => None,
            Self::AddressSpace { source, .. } | Self::MapCount { source, .. } => {
                source.as_ref().map(|source| source as _)
            }
            Self::Guard { source } | Self::SignalStack { source } => Some(source),
        }
    }
}

impl From<StackError> for io::Error {
    /// Keeps the error as the payload, under the kind that fits it; allocates.
    fn from(error: StackError) -> io::Error {
        let kind = match &error {
            StackError::TooLarge { .. } => io::ErrorKind::InvalidInput,
            StackError::AddressSpace { .. } | StackError::MapCount { .. } => {
                io::ErrorKind::OutOfMemory
            }
            StackError::PageSize { .. } => io::ErrorKind::Unsupported,
            StackError::Guard { source } | StackError::SignalStack { source } => source.kind(),
        };
        io::Error::new(kind, error)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_text_names_the_limit_and_the_remedy() {
        let maps = StackError::MapCount {
            stacks: 32_600,
            source: None,
        }
        .to_string();
        assert!(maps.contains("32600 exist") && maps.contains("raise vm.max_map_count"));
        assert!(maps.contains("Linux 6.13"));
        let space = |limit| {
            let error = StackError::AddressSpace {
                class: SizeClass::DEFAULT,
                stacks: 3,
                limit,
                source: None,
            };
            error.to_string()
        };
        for (limit, remedy) in [
            (
                Limit::AddressSpace(1 << 30),
                "raise RLIMIT_AS (ulimit -v), which is 1024 MiB",
            ),
            (
                Limit::Data(5 << 20),
                "raise RLIMIT_DATA (ulimit -d), which is 5 MiB",
            ),
            (
                Limit::Locked(8 << 20),
                "raise RLIMIT_MEMLOCK (ulimit -l), which is 8 MiB",
            ),
            (Limit::Overcommit, "set vm.overcommit_memory to 0 or 1"),
            (Limit::Chunks, "start fewer, or ask for smaller stacks"),
            (Limit::Unknown, "vm.max_map_count"),
        ] {
            let text = space(limit);
            assert!(text.contains("256 KiB") && text.contains("3 exist") && text.contains(remedy));
        }
        let space = space(Limit::Unknown);
        let large = StackError::TooLarge { bytes: 1 << 31 }.to_string();
        assert!(large.contains("2147483648 bytes") && large.contains("1 GiB"));
        for text in [maps, space, large] {
            assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
        }
    }

    #[test]
    fn io_error_keeps_kind_payload_and_source() {
        let os = io::Error::from_raw_os_error(libc::ENOMEM);
        let error = StackError::MapCount {
            stacks: 1,
            source: Some(os),
        };
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        let inner = error
            .get_ref()
            .unwrap()
            .downcast_ref::<StackError>()
            .unwrap();
        assert!(inner.source().is_some());
        let large = io::Error::from(StackError::TooLarge { bytes: usize::MAX });
        assert_eq!(large.kind(), io::ErrorKind::InvalidInput);
    }
}
