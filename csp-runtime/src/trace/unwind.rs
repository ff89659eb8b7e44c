//! From a copied stack to the addresses of its frames, by the program's own unwinding tables.
//!
//! Each loaded module has, next to its code, a table of how to undo each function's stack frame at each
//! instruction (`.eh_frame`, with a sorted index in `.eh_frame_hdr`); panics unwind by the same. For
//! the caller of a frame we need three registers only: where its frame ends (the rule for the canonical
//! frame address), its return address and its frame pointer.
//!
//! A module's tables are read inside the callback of `dl_iterate_phdr`, under the loader's lock: the
//! module cannot be unloaded meanwhile. What was found for an address is kept for the time of one
//! report, since thousands of goroutines stand at the same few.
//!
//! Whatever the copy holds, unwinding ends: each frame lies above the one before, or on an earlier stack, and there are at
//! most [`MOST_FRAMES`]. Rules that are given as programs (no compiled function has them) end it too.
//!
//! Source: the Linux Standard Base, "Exception Frames", and the DWARF standard, "Call Frame Information".
#![expect(unsafe_code, reason = "reads the unwinding tables of loaded modules")]

use core::ffi::{c_int, c_void};
use core::slice;
use std::collections::HashMap;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, NativeEndian, Pointer, Register,
    RegisterRule, UnwindContext, UnwindSection, UnwindTableRow, X86_64,
};

use super::copy::StackCopy;
use crate::primitive::frame::Frame;

/// The most frames of one backtrace.
pub(super) const MOST_FRAMES: usize = 256;

/// The most addresses for which rules are kept.
const MOST_KEPT: usize = 1 << 14;

/// What unwinding needs memory for, kept from one stack to the next.
#[derive(Default)]
pub(super) struct Unwinder {
    context: UnwindContext<usize>,
    /// The rules of addresses that were looked up, or that there are none.
    kept: HashMap<usize, Option<Rules>>,
}

/// How to get from a frame to its caller's.
#[derive(Clone, Copy)]
struct Rules {
    /// The end of the frame is this far from the stack pointer, or from the frame pointer.
    end: isize,
    from_bp: bool,
    ip: Rule,
    bp: Rule,
}

/// Where the caller's value of a register is.
#[derive(Clone, Copy)]
enum Rule {
    /// Still in the register.
    Unchanged,
    /// On the stack, this far from the end of the frame.
    Saved(isize),
    /// It is the end of the frame and this.
    Computed(isize),
}

impl Unwinder {
    /// Sets `frames` to the addresses of the stack's frames, innermost first, each one past the
    /// instruction in question, as return addresses are.
    pub(super) fn unwind(&mut self, stack: &StackCopy, left_at: Frame, frames: &mut Vec<usize>) {
        frames.clear();
        let mut frame = left_at;
        frames.push(frame.ip.wrapping_add(1));
        // The noted address is an instruction of its function; those that follow are return addresses,
        // which may lie behind the last one of theirs.
        let mut lookup = frame.ip;
        while frames.len() < MOST_FRAMES
            && let Some(caller) = self.caller(stack, frame, lookup)
        {
            frames.push(caller.ip);
            lookup = caller.ip.wrapping_sub(1);
            frame = caller;
        }
    }

    /// The registers of the caller of `frame`, whose current instruction is at `lookup`.
    fn caller(&mut self, stack: &StackCopy, frame: Frame, lookup: usize) -> Option<Frame> {
        let rules = self.rules(lookup)?;
        let from = if rules.from_bp { frame.bp } else { frame.sp };
        let end = from.wrapping_add_signed(rules.end);
        let value = |rule, unchanged| match rule {
            Rule::Unchanged => Some(unchanged),
            Rule::Saved(offset) => stack.read(end.wrapping_add_signed(offset)),
            Rule::Computed(offset) => Some(end.wrapping_add_signed(offset)),
        };
        let ip = value(rules.ip, 0)?;
        let bp = value(rules.bp, frame.bp)?;
        // Every frame takes room, its return address at least; or a broken chain would have no end.
        (ip != 0 && stack.is_outward(frame.sp, end)).then_some(Frame { ip, sp: end, bp })
    }

    /// The rules for the instruction at `address`.
    fn rules(&mut self, address: usize) -> Option<Rules> {
        if let Some(rules) = self.kept.get(&address) {
            return *rules;
        }
        let mut search = Search {
            context: &mut self.context,
            address,
            found: None,
        };
        // SAFETY: `visit` gets `search`, which outlives the call, and is not called by others.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
        let found = search.found;
        if self.kept.len() >= MOST_KEPT {
            self.kept.clear();
        }
        self.kept.insert(address, found);
        found
    }
}

/// The work of one callback.
struct Search<'a> {
    context: &'a mut UnwindContext<usize>,
    address: usize,
    found: Option<Rules>,
}

/// Called by the loader for each module; not 0 ends the search.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: `Unwinder::rules` passes its `Search`, and nobody else has it during the call.
    let search = unsafe { &mut *search.cast::<Search<'_>>() };
    // SAFETY: the loader passes a valid description, which lives as long as the callback.
    let info = unsafe { &*info };
    let Some(module) = Module::of(info) else {
        return 0;
    };
    if !module.contains(search.address) {
        return 0;
    }
    search.found = search.by_tables(&module);
    1
}

/// A loaded module, during the callback.
struct Module<'a> {
    /// What is added to the addresses in its headers.
    bias: usize,
    headers: &'a [libc::Elf64_Phdr],
}

impl<'a> Module<'a> {
    fn of(info: &'a libc::dl_phdr_info) -> Option<Self> {
        if info.dlpi_phdr.is_null() {
            return None;
        }
        // SAFETY: the loader gives address and number of the module's headers, which stay mapped while
        // the module is, and that is during the callback at least.
        let headers =
            unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let bias = usize::try_from(info.dlpi_addr).ok()?;
        Some(Self { bias, headers })
    }

    fn address(&self, header: &libc::Elf64_Phdr) -> usize {
        self.bias.wrapping_add(header.p_vaddr as usize)
    }

    fn contains(&self, address: usize) -> bool {
        self.segment(address, 0).is_some()
    }

    /// What is mapped from `address` on, if that is in a segment with all these permissions.
    fn segment(&self, address: usize, permissions: u32) -> Option<(usize, usize)> {
        self.headers
            .iter()
            .filter(|header| {
                header.p_type == libc::PT_LOAD && header.p_flags & permissions == permissions
            })
            .find_map(|header| {
                // What the file holds: beyond it are zeroes.
                let offset = address.checked_sub(self.address(header))?;
                let left = (header.p_filesz as usize).checked_sub(offset)?;
                (left > 0).then_some((address, left))
            })
    }

    /// The bytes from `address` to the end of its segment, if that can be read.
    fn bytes(&self, address: usize) -> Option<EndianSlice<'a, NativeEndian>> {
        let (at, len) = self.segment(address, libc::PF_R)?;
        let at = core::ptr::with_exposed_provenance::<u8>(at);
        // SAFETY: the loader has mapped the segment readable, and it stays mapped during the callback.
        // Tables lie in segments that nobody writes after the module was loaded.
        let bytes = unsafe { slice::from_raw_parts(at, len) };
        Some(EndianSlice::new(bytes, NativeEndian))
    }

    /// Where the index of the unwinding tables is.
    fn index(&self) -> Option<usize> {
        let header = self
            .headers
            .iter()
            .find(|header| header.p_type == libc::PT_GNU_EH_FRAME)?;
        Some(self.address(header))
    }
}

impl Search<'_> {
    fn by_tables(&mut self, module: &Module<'_>) -> Option<Rules> {
        let index_at = module.index()?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(index_at as u64);
        let index = EhFrameHdr::new(module.bytes(index_at)?.slice(), NativeEndian)
            .parse(&bases, 8)
            .ok()?;
        let Pointer::Direct(table_at) = index.eh_frame_ptr() else {
            return None;
        };
        let table_at = usize::try_from(table_at).ok()?;
        let bases = bases.set_eh_frame(table_at as u64);
        let table = EhFrame::new(module.bytes(table_at)?.slice(), NativeEndian);
        let row = index
            .table()?
            .unwind_info_for_address(
                &table,
                &bases,
                self.context,
                self.address as u64,
                EhFrame::cie_from_offset,
            )
            .ok()?;
        rules_of(row)
    }
}

/// What matters of a row of the tables.
fn rules_of(row: &UnwindTableRow<usize>) -> Option<Rules> {
    let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else {
        return None;
    };
    let from_bp = match register {
        X86_64::RSP => false,
        X86_64::RBP => true,
        _ => return None,
    };
    let rule = |register: Register| match row.register(register) {
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => Some(Rule::Unchanged),
        Some(RegisterRule::Offset(offset)) => isize::try_from(offset).ok().map(Rule::Saved),
        Some(RegisterRule::ValOffset(offset)) => isize::try_from(offset).ok().map(Rule::Computed),
        _ => None,
    };
    Some(Rules {
        end: isize::try_from(offset).ok()?,
        from_bp,
        ip: rule(X86_64::RA)?,
        bp: rule(X86_64::RBP)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames for a stack that holds `word` everywhere, from a real function's address.
    fn frames_over(word: usize) -> Vec<usize> {
        let at = 0x7000_0000;
        let stack = StackCopy::of_words(at, vec![word; 8192]);
        let start = Frame {
            ip: frames_over as *const () as usize + 1,
            sp: at,
            bp: at,
        };
        let mut frames = Vec::new();
        Unwinder::default().unwind(&stack, start, &mut frames);
        frames
    }

    #[test]
    fn a_torn_stack_ends_the_unwinding() {
        let code = frames_over as *const () as usize;
        for word in [0, 1, usize::MAX, 0x7000_0008, 1 << 63, code, code + 1] {
            let frames = frames_over(word);
            assert!((1..=MOST_FRAMES).contains(&frames.len()), "{word:#x}");
        }
    }

    #[test]
    fn an_address_in_no_module_has_no_caller() {
        let stack = StackCopy::of_words(0x1000, vec![0; 8]);
        for ip in [0, 1, 0x1000, usize::MAX] {
            let start = Frame {
                ip,
                sp: 0x1000,
                bp: 0,
            };
            let mut frames = Vec::new();
            Unwinder::default().unwind(&stack, start, &mut frames);
            assert_eq!(frames.len(), 1);
        }
    }
}
