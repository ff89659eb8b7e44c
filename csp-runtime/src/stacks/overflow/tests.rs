//! Overflows and other faults, each in a process that dies of it.

use super::*;
use crate::stacks::altstack::AltStack;
use crate::stacks::child;
use crate::stacks::class::SizeClass;
use core::fmt::Write;
use core::hint::black_box;
use corosensei::stack::{Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::thread;

const MODES: [&str; 2] = ["", "mprotect"];

/// Formats without allocating, as the runtime's own report will.
fn report(slot: Slot, addr: usize) {
    let above = addr - slot.limit().addr().get();
    let within = above < slot.class.guard_size();
    fatal::exit(format_args!(
        "slot {} of {} overflowed, in guard: {within}\n",
        slot.index, slot.class
    ));
}

/// A slot as the stack library wants it.
struct OnSlot(Slot);

// SAFETY: the ends are those of a slot that is mapped for ever, with a guard at its low end.
unsafe impl Stack for OnSlot {
    fn base(&self) -> StackPointer {
        self.0.top().addr()
    }

    fn limit(&self) -> StackPointer {
        self.0.limit().addr()
    }
}

/// Runs `body` on a fresh slot, on a thread with an alternate stack, and expects it to return.
fn on_slot(class: SizeClass, body: fn()) {
    let thread = thread::spawn(move || {
        let _alternate = AltStack::install();
        let mut out = [MaybeUninit::uninit()];
        arena().take(class, &mut out).unwrap();
        // SAFETY: a successful `take` has written at least one slot.
        let slot = unsafe { out[0].assume_init() };
        let mut coroutine =
            Coroutine::<(), (), (), _>::with_stack(OnSlot(slot), move |_, ()| body());
        assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
    });
    thread.join().unwrap();
}

#[expect(unconditional_recursion, reason = "it is to use up the stack")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse(depth + 1) + frame[3]
}

#[inline(never)]
fn large_frame() {
    black_box([1u8; 64 * 1024]);
}

/// Fills the stack to its last KiB or so, then calls a function that needs 64 KiB at once.
#[inline(never)]
fn fill_then_large_frame(limit: usize) {
    let here = 0u8;
    if (&raw const here).addr() > limit + 4096 {
        black_box([0u8; 512]);
        fill_then_large_frame(limit);
        black_box(());
    } else {
        large_frame();
    }
}

fn assert_reported(output: &Output, class: &str) {
    let text = child::text(output);
    assert_eq!(output.status.code(), Some(2), "{}\n{text}", output.status);
    let expected = format!("slot 0 of {class} overflowed, in guard: true\n");
    assert!(text.ends_with(&expected), "{text}");
}

/// Puts an action in force, with the flags given.
fn handle(signal: c_int, action: usize, flags: c_int) {
    let mut new = in_force(signal);
    new.sa_sigaction = action;
    new.sa_flags = flags;
    // SAFETY: the callers pass SIG_DFL, SIG_IGN or a function with the signature the flags name.
    assert_eq!(unsafe { libc::sigaction(signal, &new, ptr::null_mut()) }, 0);
}

fn raise(signal: c_int) {
    // SAFETY: without preconditions.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

fn touch_unmapped() {
    // SAFETY: none of it is: the fault is the test. No page is ever mapped at address 16.
    unsafe { ptr::without_provenance_mut::<u8>(black_box(16)).write_volatile(1) };
}

#[test]
fn endless_recursion_is_reported_in_both_guard_modes() {
    for mode in MODES {
        let name = "endless_recursion_is_reported_in_both_guard_modes";
        let output = child::run(module_path!(), name, &[("CSP_STACK_GUARD", mode)], || {
            install(report);
            on_slot(SizeClass::DEFAULT, || {
                black_box(recurse(0));
            });
        });
        assert_reported(&output, "256 KiB");
    }
}

#[test]
fn large_frame_at_the_end_is_reported_in_both_guard_modes() {
    for mode in MODES {
        let name = "large_frame_at_the_end_is_reported_in_both_guard_modes";
        let output = child::run(module_path!(), name, &[("CSP_STACK_GUARD", mode)], || {
            install(report);
            on_slot(SizeClass::DEFAULT, || {
                let here = 0u8;
                let slot = arena().lookup((&raw const here).addr()).unwrap();
                fill_then_large_frame(slot.usable_low().addr().get());
            });
        });
        assert_reported(&output, "256 KiB");
    }
}

#[test]
fn frame_as_large_as_the_slot_is_reported() {
    let name = "frame_as_large_as_the_slot_is_reported";
    let output = child::run(module_path!(), name, &[], || {
        install(report);
        on_slot(SizeClass::for_bytes(0).unwrap(), large_frame);
    });
    assert_reported(&output, "64 KiB");
}

#[test]
fn stack_that_suffices_is_left_alone() {
    child::succeeds(
        module_path!(),
        "stack_that_suffices_is_left_alone",
        &[],
        || {
            install(report);
            on_slot(SizeClass::DEFAULT, large_frame);
            on_slot(SizeClass::MAIN, large_frame);
        },
    );
}

#[test]
fn only_the_first_installation_counts() {
    let output = child::run(
        module_path!(),
        "only_the_first_installation_counts",
        &[],
        || {
            install(report);
            install(|_, _| fatal::exit(format_args!("the second one\n")));
            on_slot(SizeClass::DEFAULT, || {
                black_box(recurse(0));
            });
        },
    );
    assert_reported(&output, "256 KiB");
}

#[test]
fn report_that_returns_still_ends_the_process() {
    let output = child::run(
        module_path!(),
        "report_that_returns_still_ends_the_process",
        &[],
        || {
            install(|_, _| {});
            on_slot(SizeClass::DEFAULT, || {
                black_box(recurse(0));
            });
        },
    );
    assert_eq!(output.status.code(), Some(2), "{}", child::text(&output));
}

#[test]
fn overflow_of_a_plain_thread_keeps_the_standard_message() {
    let name = "overflow_of_a_plain_thread_keeps_the_standard_message";
    let output = child::run(module_path!(), name, &[], || {
        install(report);
        let plain = thread::Builder::new().name("plain".into());
        plain
            .spawn(|| black_box(recurse(0)))
            .unwrap()
            .join()
            .unwrap();
    });
    let text = child::text(&output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    assert!(
        text.contains("thread 'plain'") && text.contains("has overflowed its stack"),
        "{text}"
    );
}

#[test]
fn other_fault_on_a_slot_dies_of_the_true_signal() {
    let name = "other_fault_on_a_slot_dies_of_the_true_signal";
    let output = child::run(module_path!(), name, &[], || {
        install(report);
        on_slot(SizeClass::DEFAULT, touch_unmapped);
    });
    assert_eq!(
        output.status.signal(),
        Some(libc::SIGSEGV),
        "{}",
        child::text(&output)
    );
}

#[test]
fn fault_without_an_earlier_handler_dies_of_the_true_signal() {
    let name = "fault_without_an_earlier_handler_dies_of_the_true_signal";
    let output = child::run(module_path!(), name, &[], || {
        handle(libc::SIGSEGV, libc::SIG_DFL, 0);
        install(report);
        touch_unmapped();
    });
    assert_eq!(
        output.status.signal(),
        Some(libc::SIGSEGV),
        "{}",
        child::text(&output)
    );
}

#[test]
fn fault_that_was_ignored_dies_all_the_same() {
    let name = "fault_that_was_ignored_dies_all_the_same";
    let output = child::run(module_path!(), name, &[], || {
        handle(libc::SIGSEGV, libc::SIG_IGN, 0);
        install(report);
        touch_unmapped();
    });
    assert_eq!(
        output.status.signal(),
        Some(libc::SIGSEGV),
        "{}",
        child::text(&output)
    );
}

#[test]
fn sent_signal_without_an_earlier_handler_ends_the_process() {
    let name = "sent_signal_without_an_earlier_handler_ends_the_process";
    let output = child::run(module_path!(), name, &[], || {
        handle(libc::SIGBUS, libc::SIG_DFL, 0);
        install(report);
        raise(libc::SIGBUS);
    });
    assert_eq!(
        output.status.signal(),
        Some(libc::SIGBUS),
        "{}",
        child::text(&output)
    );
}

#[test]
fn sent_signal_that_was_ignored_stays_ignored() {
    child::succeeds(
        module_path!(),
        "sent_signal_that_was_ignored_stays_ignored",
        &[],
        || {
            handle(libc::SIGSEGV, libc::SIG_IGN, 0);
            install(report);
            raise(libc::SIGSEGV);
        },
    );
}

extern "C" fn informed(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: our handler passes on what the kernel gave it.
    let addr = unsafe { (*info).si_addr() }.addr();
    let context = !context.is_null();
    fatal::exit(format_args!(
        "earlier handler: signal {signal} at {addr}, context {context}\n"
    ));
}

#[test]
fn fault_goes_to_the_earlier_handler_with_its_arguments() {
    let name = "fault_goes_to_the_earlier_handler_with_its_arguments";
    let output = child::run(module_path!(), name, &[], || {
        handle(
            libc::SIGSEGV,
            informed as *const () as usize,
            libc::SA_SIGINFO | libc::SA_ONSTACK,
        );
        install(report);
        on_slot(SizeClass::DEFAULT, touch_unmapped);
    });
    let text = child::text(&output);
    assert!(
        text.ends_with("earlier handler: signal 11 at 16, context true\n"),
        "{text}"
    );
}

static CALLS: AtomicBool = AtomicBool::new(false);

extern "C" fn plain(_signal: c_int) {
    CALLS.store(true, Ordering::Relaxed);
}

#[test]
fn handler_for_one_signal_is_called_once_and_then_the_default_holds() {
    let name = "handler_for_one_signal_is_called_once_and_then_the_default_holds";
    let output = child::run(module_path!(), name, &[], || {
        handle(
            libc::SIGSEGV,
            plain as *const () as usize,
            libc::SA_RESETHAND,
        );
        install(report);
        raise(libc::SIGSEGV);
        assert!(CALLS.load(Ordering::Relaxed));
        let _ = fatal::FixedWriter::stderr().write_str("called\n");
        raise(libc::SIGSEGV);
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert!(child::text(&output).ends_with("called\n"));
}
