//! Running something at the end of a block, however the block ends.

/// Runs a closure when it is dropped; what `defer!` makes.
#[must_use = "the closure runs when this is dropped"]
pub struct Defer<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Defer<F> {
    /// Remembers `f`.
    pub fn new(f: F) -> Self {
        Self(Some(f))
    }
}

impl<F: FnOnce()> Drop for Defer<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}
