//! The mark belongs to the function that runs, not to its declaration.

trait Walk {
    #[csp::recursive]
    fn walk(&self);
}

fn main() {}
