//! One word of thread-local storage that is read afresh at every use.
//!
//! A goroutine may resume on another thread, and the compiler keeps thread-local *addresses* across
//! calls, also across the call that switches stacks. A plain `thread_local!` read after a switch
//! could therefore reach the thread from before. On x86-64 Linux the word is a symbol of our own
//! and both accesses are single instructions of volatile assembly, which cannot be cached or moved
//! across a switch; elsewhere an ordinary thread-local is read behind calls that are never inlined,
//! which return the value and never its address.
//!
//! The word holds the address of the thread's `Machine`, or zero on a thread that is no M.
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

pub(crate) use word::{get, set};

#[cfg(test)]
mod tests {
    #[test]
    fn every_thread_has_its_own_word() {
        assert_eq!(super::get(), 0);
        super::set(7);
        std::thread::spawn(|| {
            assert_eq!(super::get(), 0);
            super::set(9);
            assert_eq!(super::get(), 9);
        })
        .join()
        .unwrap();
        assert_eq!(super::get(), 7);
        super::set(0);
    }
}
