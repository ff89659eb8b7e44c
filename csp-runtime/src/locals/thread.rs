//! The values that a plain thread has for the statics of `csp::local!`.
//!
//! ```text
//!   Unused ──first use──▶ Alive ──the thread ends: destructors run──▶ Dead
//! ```
//!
//! The table is in a thread-local without a destructor, which can be reached as long as the thread runs, so that
//! the destructors of its values find it; a second one, with a destructor, ends it.
//!
//! The functions are never inlined: a goroutine must not have the address of a thread-local on its stack. None
//! comes here, but the compiler could take the address before it asks.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::goroutine::{Locals, destroy, discard};

type Table = Rc<RefCell<Locals>>;

enum Stage {
    Unused,
    Alive(Table),
    Dead,
}

/// Ends the thread's table when the thread ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let Some(table) = table() else { return };
        if let Some(payload) = destroy(&table) {
            // A thread that is ending has nobody to tell; the message has been printed.
            discard(payload);
        }
        STAGE.with(|stage| {
            drop(ManuallyDrop::into_inner(
                stage.replace(ManuallyDrop::new(Stage::Dead)),
            ))
        });
    }
}

thread_local! {
    /// Never dropped; `End` takes the table out.
    static STAGE: RefCell<ManuallyDrop<Stage>> = const { RefCell::new(ManuallyDrop::new(Stage::Unused)) };
    static END: End = const { End };
}

/// The calling thread's table; `None` if the thread is ending and has destroyed it.
#[cold]
#[inline(never)]
pub(super) fn table() -> Option<Table> {
    STAGE.with(|stage| {
        let mut stage = stage.borrow_mut();
        match &**stage {
            Stage::Alive(table) => Some(Rc::clone(table)),
            Stage::Dead => None,
            Stage::Unused => {
                // Fails if the thread has come so far without a table: there will be no end, so no table either.
                END.try_with(|_| {}).ok()?;
                let table = Table::new(RefCell::new(Locals::new()));
                *stage = ManuallyDrop::new(Stage::Alive(Rc::clone(&table)));
                Some(table)
            }
        }
    })
}
