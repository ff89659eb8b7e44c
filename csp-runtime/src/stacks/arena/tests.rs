//! What the arena promises, and what it does when a limit is met.

use super::*;
use crate::stacks::child;
use std::collections::HashSet;
use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Takes up to `N` slots, in one call.
fn take<const N: usize>(class: SizeClass) -> Result<Vec<Slot>, StackError> {
    let mut out = [const { MaybeUninit::uninit() }; N];
    let taken = arena().take(class, &mut out)?;
    // SAFETY: `take` says how many slots it wrote.
    Ok(out[..taken]
        .iter()
        .map(|slot| unsafe { slot.assume_init() })
        .collect())
}

/// Takes slots in batches of 64 until there are no more; calls `each` with every slot.
///
/// Allocates nothing, because it is called where memory runs out.
fn take_all(class: SizeClass, mut each: impl FnMut(Slot)) -> StackError {
    let mut out = [const { MaybeUninit::uninit() }; 64];
    loop {
        match arena().take(class, &mut out) {
            // SAFETY: `take` says how many slots it wrote.
            Ok(taken) => out[..taken]
                .iter()
                .for_each(|slot| each(unsafe { slot.assume_init() })),
            Err(error) => return error,
        }
    }
}

fn claimed(class: SizeClass) -> usize {
    let mut count = 0;
    arena().for_each(&mut |slot| count += usize::from(slot.class == class));
    count
}

/// Returns the mappings of this process, as address ranges.
fn maps() -> Vec<(usize, usize)> {
    let text = fs::read_to_string("/proc/self/maps").unwrap();
    let parse = |line: &str| {
        let (low, rest) = line.split_once('-')?;
        let (high, _) = rest.split_once(' ')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        Some((number(low)?, number(high)?))
    };
    text.lines().map(|line| parse(line).unwrap()).collect()
}

#[test]
fn nothing_is_taken_for_an_empty_buffer() {
    assert_eq!(arena().take(SizeClass::DEFAULT, &mut []).unwrap(), 0);
}

#[test]
fn slots_given_back_read_zero_and_are_handed_out_again_lowest_first() {
    let body = || {
        for class in SizeClass::all() {
            let mut slots = take::<40>(class).unwrap();
            while slots.len() < 40 {
                slots.extend(take::<1>(class).unwrap());
            }
            let word = |slot: &Slot| slot.top().addr().get() - size_of::<u64>();
            // SAFETY: the word is in the usable part of a slot of this test's own, and aligned.
            let at = |slot: &Slot| unsafe {
                AtomicU64::from_ptr(slot.base.as_ptr().with_addr(word(slot)).cast())
            };
            let read = |slot: &Slot| at(slot).load(Ordering::Relaxed);
            for slot in &slots {
                at(slot).store(1, Ordering::Relaxed);
            }
            let known = claimed(class);
            // One stays in use, and keeps its block from being whole.
            let used = slots.remove(21);
            arena().set_aside(class, &slots);
            let mut back = [const { MaybeUninit::uninit() }; 3];
            assert_eq!(arena().take_back(class, &mut back), 3);
            // SAFETY: `take_back` says that it wrote three.
            let back = back.map(|slot| unsafe { slot.assume_init() });
            assert_eq!(back[..], slots[..3]);
            assert!(back.iter().all(|slot| read(slot) == 1));
            arena().set_aside(class, &back);
            let mut given = 0;
            while arena().has_aside(class) {
                let some = arena().give_back(class, 16);
                assert!(!some.refused);
                given += some.slots;
            }
            assert_eq!(given, slots.len());
            assert_eq!(claimed(class), known - slots.len(), "they are passed over");
            assert_eq!(read(&used), 1);
            let mut again = Vec::new();
            while again.len() < slots.len() {
                again.extend(take::<1>(class).unwrap());
            }
            assert_eq!(again, slots);
            assert!(again.iter().all(|slot| read(slot) == 0));
            assert!(!slots.contains(&take::<1>(class).unwrap()[0]));
        }
    };
    let name = "slots_given_back_read_zero_and_are_handed_out_again_lowest_first";
    child::succeeds(module_path!(), name, &[], body);
}

#[test]
fn slots_of_every_class_are_aligned_and_zeroed_and_found() {
    for class in SizeClass::all() {
        for slot in take::<3>(class).unwrap() {
            let low = slot.limit().addr().get();
            assert_eq!(low % class.slot_size(), 0);
            // SAFETY: the word is in the usable part of a slot of this test's own, and aligned.
            let word = unsafe { slot.top().cast::<u64>().sub(1).read() };
            assert_eq!(word, 0);
            for addr in [
                low,
                low + 1,
                slot.top().addr().get() - 1,
                low + class.slot_size() - 1,
            ] {
                assert_eq!(arena().lookup(addr), Some(slot));
            }
            assert_ne!(arena().lookup(low - 1), Some(slot));
            assert_ne!(arena().lookup(low + class.slot_size()), Some(slot));
        }
    }
}

#[test]
fn addresses_outside_are_not_found() {
    take::<1>(SizeClass::DEFAULT).unwrap();
    let local = 0u8;
    for addr in [
        0,
        1,
        usize::MAX,
        (&raw const local).addr(),
        claimed as *const () as usize,
    ] {
        assert_eq!(arena().lookup(addr), None);
    }
}

#[test]
fn threads_that_take_at_once_get_different_slots() {
    let barrier = Barrier::new(4);
    let taken: Vec<Slot> = thread::scope(|scope| {
        let taker = || {
            barrier.wait();
            (0..50)
                .flat_map(|_| take::<17>(SizeClass::DEFAULT).unwrap())
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(taker)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(taken.len(), 4 * 50 * 17);
    let indices: HashSet<u32> = taken.iter().map(|slot| slot.index).collect();
    let bases: HashSet<_> = taken.iter().map(|slot| slot.base).collect();
    assert_eq!((indices.len(), bases.len()), (taken.len(), taken.len()));
    let mut seen = HashSet::new();
    arena().for_each(&mut |slot| {
        assert!(seen.insert(slot.base));
    });
    assert!(bases.is_subset(&seen));
}

#[test]
fn a_hundred_thousand_stacks_are_one_mapping() {
    child::succeeds(
        module_path!(),
        "a_hundred_thousand_stacks_are_one_mapping",
        &[],
        || {
            let mut slots = Vec::new();
            while slots.len() < 100_000 {
                slots.extend(take::<64>(SizeClass::DEFAULT).unwrap());
            }
            // A kernel without guard regions splits the mapping, and cannot hold so many.
            if !guard::uses_regions() {
                return;
            }
            let low = slots
                .iter()
                .map(|slot| slot.base.addr().get())
                .min()
                .unwrap();
            let high = slots
                .iter()
                .map(|slot| slot.base.addr().get())
                .max()
                .unwrap();
            let high = high + SizeClass::DEFAULT.slot_size();
            let covering = |&(from, to): &(usize, usize)| from <= low && high <= to;
            assert_eq!(maps().into_iter().filter(covering).count(), 1);
            assert_eq!(high - low, slots.len() * SizeClass::DEFAULT.slot_size());
        },
    );
}

#[test]
fn most_unclaimed_slots_are_left_out_of_core_dumps() {
    child::succeeds(
        module_path!(),
        "most_unclaimed_slots_are_left_out_of_core_dumps",
        &[],
        || {
            let class = SizeClass::DEFAULT;
            let start = take::<1>(class).unwrap()[0].base.addr().get();
            for _ in 0..10 {
                take::<3>(class).unwrap();
            }
            // Slots become accessible in steps of so much, and are in dumps from then on.
            let end = start + (16 << 20);
            let text = fs::read_to_string("/proc/self/smaps").unwrap();
            let flags_after = |header: &str| {
                let (_, rest) = text.split_once(header).expect(header);
                let flags = rest
                    .lines()
                    .find(|line| line.starts_with("VmFlags:"))
                    .unwrap();
                flags.split_whitespace().any(|flag| flag == "dd")
            };
            assert!(
                !flags_after(&format!("-{end:x} ")),
                "accessible slots are left out"
            );
            assert!(flags_after(&format!("\n{end:x}-")), "the others are in");
        },
    );
}

#[test]
fn running_out_of_maps_is_an_error_that_leaves_some() {
    let vars = [("CSP_STACK_GUARD", "mprotect")];
    child::succeeds(
        module_path!(),
        "running_out_of_maps_is_an_error_that_leaves_some",
        &vars,
        || {
            let mut taken = 0;
            let error = take_all(SizeClass::DEFAULT, |_| taken += 1);
            assert!(!guard::uses_regions());
            assert!(matches!(error, StackError::MapCount { .. }), "{error:?}");
            assert!(
                error.to_string().contains("raise vm.max_map_count"),
                "{error}"
            );
            let maps_allowed = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
            let maps_allowed: usize = maps_allowed.trim().parse().unwrap();
            assert!(
                taken > maps_allowed / 2 - 400 && taken <= maps_allowed / 2,
                "{taken}"
            );
            // Failing takes nothing: the numbers stay without gaps.
            assert!(take::<5>(SizeClass::DEFAULT).is_err());
            assert_eq!(claimed(SizeClass::DEFAULT), taken);
            // A thread needs maps, and there are some.
            thread::spawn(|| {}).join().unwrap();
        },
    );
}

#[test]
fn small_address_space_still_gives_stacks_and_leaves_room() {
    let name = "small_address_space_still_gives_stacks_and_leaves_room";
    child::succeeds(module_path!(), name, &[], || {
        child::limit_address_space(1 << 30);
        let first = take::<1>(SizeClass::DEFAULT).unwrap()[0];
        assert_eq!(first.index, 0);
        // Most of what there was is still there for the heap.
        drop(Vec::<u8>::with_capacity(400 << 20));
        let mut next = 1;
        let error = take_all(SizeClass::DEFAULT, |slot| {
            assert_eq!(slot.index, next);
            next += 1;
        });
        assert!(
            matches!(error, StackError::AddressSpace { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("raise RLIMIT_AS"), "{error}");
        assert!(next > 1500, "{next} stacks in 1 GiB");
        assert_eq!(claimed(SizeClass::DEFAULT), next as usize);
        // Reporting the error takes a few MiB at most.
        drop(Vec::<u8>::with_capacity(4 << 20));
    });
}

#[test]
fn locked_memory_gets_guards_and_is_not_filled() {
    child::succeeds(
        module_path!(),
        "locked_memory_gets_guards_and_is_not_filled",
        &[],
        || {
            // SAFETY: locks this child's memory, which needs nothing of it.
            if unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) } != 0 {
                // Not allowed to this user, so no program of theirs meets the case.
                return;
            }
            let slots = take::<64>(SizeClass::MAIN).unwrap();
            assert!(!guard::uses_regions());
            for slot in &slots {
                // SAFETY: the word is in the usable part of a slot of this test's own, and aligned.
                unsafe { slot.top().cast::<u64>().sub(1).write(1) };
            }
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let resident = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))
                .unwrap();
            let resident: usize = resident.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(
                resident < 256 * 1024,
                "{resident} KiB resident of 512 MiB of stacks"
            );
        },
    );
}

#[test]
fn locking_memory_later_changes_the_way_guards_are_set() {
    let name = "locking_memory_later_changes_the_way_guards_are_set";
    child::succeeds(module_path!(), name, &[], || {
        take::<2>(SizeClass::DEFAULT).unwrap();
        let had_regions = guard::uses_regions();
        // SAFETY: as above; with ONFAULT the untouched reservation is not filled.
        let code = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_ONFAULT) };
        if !had_regions || code != 0 {
            return;
        }
        assert_eq!(take::<2>(SizeClass::DEFAULT).unwrap().len(), 2);
        assert!(!guard::uses_regions());
    });
}
