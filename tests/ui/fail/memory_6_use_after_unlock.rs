//! What is reached after the unlock may be in use by the next holder.

use csp::prelude::*;
use csp::sync::Mutex;

fn main() {
    let names = Mutex::new(vec![0]);
    scope(|s| {
        go!(in s, ref(names) => names.lock().push(1));
        let mut guard = names.lock();
        let inside = &mut *guard;
        drop(guard);
        inside.push(2);
    });
}
