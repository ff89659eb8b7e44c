//! What the system knows of an M's thread: whether it sleeps, and how to signal it.
//!
//! sysmon asks when a goroutine has kept its P for a while. A thread that sleeps is in a system call; one that does not
//! computes.
//!
//! The state is read from `/proc`, without asking for memory. Where that cannot be read, every thread counts as running,
//! and a blocked one is treated as one that computes: it is stopped by a signal. A descriptor kept open for each thread
//! would save two system calls, but a program's descriptors are its own.
#![expect(unsafe_code, reason = "system calls")]

/// How to find a thread.
pub(crate) struct ThreadInfo {
    /// For signals.
    thread: libc::pthread_t,
    /// The thread's number in `/proc`.
    #[cfg(target_os = "linux")]
    tid: libc::pid_t,
}

impl ThreadInfo {
    /// The calling thread's.
    pub(crate) fn current() -> Self {
        // SAFETY: without preconditions.
        let thread = unsafe { libc::pthread_self() };
        Self {
            thread,
            #[cfg(target_os = "linux")]
            tid: linux::tid(),
        }
    }

    /// Sends the thread a signal.
    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: an M's thread never ends, so the handle is valid.
        unsafe { libc::pthread_kill(self.thread, signal) };
    }

    /// Whether the thread sleeps in the kernel, for whatever reason. `false` if the system does not tell.
    pub(crate) fn is_asleep(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            linux::is_asleep(self.tid)
        }
        #[cfg(not(target_os = "linux"))]
        {
            false
        }
    }
}

/// Lets the calling thread receive `signal`, whatever mask it was started with.
pub(crate) fn unblock(signal: libc::c_int) {
    let mut set = core::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is room for a signal set, and initialised by the call.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above; the caller names a valid signal.
    unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    // SAFETY: a valid set; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), core::ptr::null_mut()) };
}

#[cfg(target_os = "linux")]
mod linux {
    use core::fmt::{self, Write};

    pub(super) fn tid() -> libc::pid_t {
        // SAFETY: without preconditions.
        unsafe { libc::gettid() }
    }

    /// Whether the state in the thread's `stat` file is that of a sleeper.
    pub(super) fn is_asleep(tid: libc::pid_t) -> bool {
        let mut path = Path {
            text: [0; 48],
            len: 0,
        };
        // One zero stays at the end, for the C library.
        if write!(path, "/proc/self/task/{tid}/stat").is_err() {
            return false;
        }
        // SAFETY: a text that ends with a zero.
        let file =
            unsafe { libc::open(path.text.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return false;
        }
        // Number, name of at most 15 bytes, state: more is not of interest.
        let mut text = [0_u8; 64];
        // SAFETY: a descriptor of ours, and room for as many bytes.
        let length = unsafe { libc::read(file, text.as_mut_ptr().cast(), text.len()) };
        // SAFETY: ours, and not used again.
        unsafe { libc::close(file) };
        usize::try_from(length).is_ok_and(|length| says_asleep(&text[..length]))
    }

    /// The state is the letter behind the name, which stands in parentheses and may contain some.
    fn says_asleep(stat: &[u8]) -> bool {
        stat.iter()
            .rposition(|&byte| byte == b')')
            .and_then(|at| stat.get(at + 2))
            .is_some_and(|state| matches!(state, b'S' | b'D'))
    }

    /// A short text without a heap.
    struct Path {
        text: [u8; 48],
        len: usize,
    }

    impl Write for Path {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            let end = self.len + more.len();
            if end >= self.text.len() {
                return Err(fmt::Error);
            }
            self.text[self.len..end].copy_from_slice(more.as_bytes());
            self.len = end;
            Ok(())
        }
    }

    #[test]
    fn the_state_stands_behind_the_name() {
        assert!(says_asleep(b"17 (a name) S 1"));
        assert!(says_asleep(b"17 (odd) R) D 1"));
        assert!(!says_asleep(b"17 (odd) S) R 1"));
        assert!(!says_asleep(b"17 (cut off"));
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::ThreadInfo;

    #[test]
    fn a_thread_is_asleep_in_a_system_call_only() {
        assert!(!ThreadInfo::current().is_asleep());
        let (tx, rx) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            tx.send(ThreadInfo::current()).unwrap();
            let _ = stopped.recv();
        });
        let info = rx.recv().unwrap();
        while !info.is_asleep() {
            std::thread::yield_now();
        }
        drop(stop);
        sleeper.join().unwrap();
    }
}
