//! [`Limit`]: which limit of the system keeps a process from mapping more, so that an error can name it.
//!
//! The system says "no memory" whatever the reason. So the limits are asked in turn, and one that is set
//! is taken for the one that was met: of two, the lower. Everything here is a system call or two, without
//! a heap.

#![expect(unsafe_code, reason = "getrlimit(2)")]

use super::map;
use core::fmt;
use core::mem::MaybeUninit;
use std::io;
use std::sync::OnceLock;

/// The C libraries differ in the type.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

/// What keeps a process from having another mapping, and what to do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// `RLIMIT_AS`, in bytes.
    AddressSpace(u64),
    /// `RLIMIT_DATA`, in bytes.
    Data(u64),
    /// `RLIMIT_MEMLOCK`, in bytes, which counts everything mapped once `mlockall` was called.
    Locked(u64),
    /// `vm.overcommit_memory` is 2: what is promised must be there.
    Overcommit,
    /// The runtime keeps no more chunks of one class.
    Chunks,
    /// None of those that can be asked for.
    Unknown,
}

impl Limit {
    /// Whether a limit is in force that counts memory which can be written, touched or not.
    pub(super) fn counts_what_is_open() -> bool {
        // Written once with what the system says; a change meanwhile is for the next program.
        static STRICT: OnceLock<bool> = OnceLock::new();
        soft(libc::RLIMIT_DATA).is_some() || *STRICT.get_or_init(map::promises_are_kept)
    }

    /// Finds the limit behind a refused mapping.
    pub(super) fn behind(error: &io::Error) -> Limit {
        if error.raw_os_error() == Some(libc::EAGAIN) {
            return Limit::Locked(soft(libc::RLIMIT_MEMLOCK).unwrap_or(u64::MAX));
        }
        match (soft(libc::RLIMIT_AS), soft(libc::RLIMIT_DATA)) {
            (Some(space), Some(data)) if data < space => Limit::Data(data),
            (Some(space), _) => Limit::AddressSpace(space),
            (None, Some(data)) => Limit::Data(data),
            (None, None) if map::promises_are_kept() => Limit::Overcommit,
            (None, None) => Limit::Unknown,
        }
    }
}

/// Returns a limit in force, none if it is infinite.
fn soft(which: Resource) -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: `limit` is room for the answer; an unknown limit is an error.
    let code = unsafe { libc::getrlimit(which, limit.as_mut_ptr()) };
    if code != 0 {
        return None;
    }
    // SAFETY: the call succeeded and so has written it.
    let limit = unsafe { limit.assume_init() };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Writes the remedy, as a clause that goes on with "or ask for smaller stacks".
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        match *self {
            Limit::AddressSpace(bytes) => {
                write!(
                    f,
                    "raise RLIMIT_AS (ulimit -v), which is {} MiB",
                    mib(bytes)
                )
            }
            Limit::Data(bytes) => {
                write!(
                    f,
                    "raise RLIMIT_DATA (ulimit -d), which is {} MiB",
                    mib(bytes)
                )
            }
            Limit::Locked(bytes) => write!(
                f,
                "raise RLIMIT_MEMLOCK (ulimit -l), which is {} MiB and counts all memory after \
                 mlockall",
                mib(bytes)
            ),
            Limit::Overcommit => f.write_str("set vm.overcommit_memory to 0 or 1"),
            Limit::Chunks => f.write_str("no process can have more of this size: start fewer"),
            Limit::Unknown => f.write_str("raise vm.max_map_count, start fewer"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::stacks::child;

    #[test]
    fn the_limit_in_force_is_found() {
        let name = "the_limit_in_force_is_found";
        child::succeeds(module_path!(), name, &[], || {
            let refused = io::Error::from_raw_os_error(libc::ENOMEM);
            let set = |which, bytes| {
                let limit = libc::rlimit {
                    rlim_cur: bytes,
                    rlim_max: libc::RLIM_INFINITY,
                };
                // SAFETY: `limit` is read during the call only.
                assert_eq!(unsafe { libc::setrlimit(which, &limit) }, 0);
            };
            set(libc::RLIMIT_DATA, 3 << 30);
            assert_eq!(Limit::behind(&refused), Limit::Data(3 << 30));
            set(libc::RLIMIT_AS, 2 << 30);
            assert_eq!(Limit::behind(&refused), Limit::AddressSpace(2 << 30));
            set(libc::RLIMIT_DATA, 1 << 30);
            assert_eq!(Limit::behind(&refused), Limit::Data(1 << 30));
            let locked = io::Error::from_raw_os_error(libc::EAGAIN);
            assert!(matches!(Limit::behind(&locked), Limit::Locked(_)));
        });
    }
}
