//! What the system knows of an M's thread: whether it sleeps, and how to signal it.
//!
//! sysmon asks when a goroutine has kept its P for a while. A thread that sleeps is in a system call; one that does not
//! computes.
//!
//! The state is read from `/proc`, through a descriptor that is opened when the thread starts, so that asking takes
//! one system call and no memory. Where there is no `/proc`, every thread counts as running, and a blocked one is
//! treated as one that computes: it is stopped by a signal.
#![expect(unsafe_code, reason = "system calls")]

/// How to find a thread.
pub(crate) struct ThreadInfo {
    /// For signals.
    thread: libc::pthread_t,
    /// `/proc/…/stat` of the thread; stays open for ever, as the thread does.
    #[cfg(target_os = "linux")]
    stat: Option<std::fs::File>,
}

impl ThreadInfo {
    /// The calling thread's. Opens a file, so it may take memory.
    pub(crate) fn current() -> Self {
        // SAFETY: without preconditions.
        let thread = unsafe { libc::pthread_self() };
        Self {
            thread,
            #[cfg(target_os = "linux")]
            stat: std::fs::File::open("/proc/thread-self/stat").ok(),
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
            self.stat.as_ref().is_some_and(linux::is_asleep)
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
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    /// Whether the state in a `stat` file, the first letter behind the name in parentheses, is that of a sleeper.
    pub(super) fn is_asleep(stat: &File) -> bool {
        // Number, name of at most 15 bytes, state: more is not of interest.
        let mut text = [0_u8; 64];
        let Ok(length) = stat.read_at(&mut text, 0) else {
            return false;
        };
        let text = &text[..length];
        text.iter()
            .rposition(|&byte| byte == b')')
            .and_then(|at| text.get(at + 2))
            .is_some_and(|state| matches!(state, b'S' | b'D'))
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
