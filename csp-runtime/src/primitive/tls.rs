//! One word of thread-local storage that is read afresh at every use.
//!
//! A goroutine may resume on another thread, and the compiler keeps thread-local *addresses* across
//! calls, also across the call that switches stacks. A plain `thread_local!` read after a switch
//! could therefore reach the thread from before. On x86-64 Linux the word is a symbol of our own
//! and both accesses are single instructions of volatile assembly, which cannot be cached or moved
//! across a switch; elsewhere an ordinary thread-local is read behind calls that are never inlined,
//! which return the value and never its address.
//!
//! The word holds the address of the thread's `Machine`, or zero on a thread that is no M. It is kept one too high,
//! because the migration guard takes a pointer that both a thread-local and a goroutine's stack hold for a
//! reason to stay, and an M's own address is on many stacks.
#![expect(unsafe_code, reason = "thread-local access in assembly")]

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod word {
    use core::arch::{asm, global_asm};

    // Hidden, and named after the version, so that two versions of the crate in one program keep
    // separate words.
    macro_rules! symbol {
        () => {
            concat!(
                "csp_current_machine_",
                env!("CARGO_PKG_VERSION_MAJOR"),
                "_",
                env!("CARGO_PKG_VERSION_MINOR"),
                "_",
                env!("CARGO_PKG_VERSION_PATCH")
            )
        };
    }

    global_asm!(
        ".pushsection .tbss,\"awT\",@nobits",
        concat!(".globl ", symbol!()),
        concat!(".hidden ", symbol!()),
        concat!(".type ", symbol!(), ",@object"),
        concat!(".size ", symbol!(), ",8"),
        ".balign 8",
        concat!(symbol!(), ":"),
        ".zero 8",
        ".popsection",
    );

    #[inline(always)]
    pub(crate) fn get() -> usize {
        let value: usize;
        // SAFETY: reads eight bytes of this thread's static TLS block; the linker fills in the
        // offset. Not `pure`, so it is executed where it stands.
        unsafe {
            asm!(
                concat!("mov {0}, qword ptr [rip + ", symbol!(), "@GOTTPOFF]"),
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) value,
                options(nostack, preserves_flags, readonly),
            );
        }
        value
    }

    #[inline(always)]
    pub(crate) fn set(value: usize) {
        // SAFETY: as in `get`; only this module writes the word.
        unsafe {
            asm!(
                concat!("mov {0}, qword ptr [rip + ", symbol!(), "@GOTTPOFF]"),
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod word {
    use core::cell::Cell;

    std::thread_local! {
        static WORD: Cell<usize> = const { Cell::new(0) };
    }

    #[inline(never)]
    pub(crate) fn get() -> usize {
        WORD.get()
    }

    #[inline(never)]
    pub(crate) fn set(value: usize) {
        WORD.set(value);
    }
}

/// The address that this thread has set.
#[inline(always)]
pub(crate) fn get() -> Option<usize> {
    match word::get() {
        0 => None,
        word => Some(word - 1),
    }
}

/// Sets this thread's address; once.
pub(crate) fn set(address: usize) {
    word::set(address + 1);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_thread_has_its_own_word() {
        std::thread::spawn(|| {
            assert_eq!(super::get(), None);
            super::set(8);
            std::thread::spawn(|| {
                assert_eq!(super::get(), None);
                super::set(16);
                assert_eq!(super::get(), Some(16));
            })
            .join()
            .unwrap();
            assert_eq!(super::get(), Some(8));
            super::word::set(0);
        })
        .join()
        .unwrap();
    }
}
