//! `#[csp::recursive]` on every form that a function can have, without a warning.

#![deny(warnings)]

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::AddAssign;

/// Free, with a pattern, a `mut` parameter and one that is not used.
#[csp::recursive]
fn free((a, b): (u64, u64), mut n: u64, _unused: &str) -> u64 {
    if n == 0 {
        return a + b;
    }
    n -= 1;
    free((a + 1, b), n, "")
}

/// Documented, generic, with a `where` clause and lifetimes.
#[csp::recursive]
#[must_use]
pub fn generic<'a, T, const N: usize>(all: &'a [T; N], other: &'a T, at: usize) -> &'a T
where
    T: PartialOrd,
{
    #![allow(clippy::all)]
    match all.get(at) {
        Some(next) => generic(all, if next > other { next } else { other }, at + 1),
        None => other,
    }
}

/// `impl` in an argument, and in a result, where two calls give one type.
#[csp::recursive]
fn add(n: u32, seen: &mut impl AddAssign<u32>) {
    *seen += n;
    if n > 0 {
        add(n - 1, seen);
    }
}

#[csp::recursive]
fn opaque(n: u32) -> impl Iterator<Item = u32> {
    let rest: Vec<u32> = if n == 0 { vec![] } else { boxed(n - 1) };
    rest.into_iter().chain([n])
}

fn boxed(n: u32) -> Vec<u32> {
    opaque(n).collect()
}

#[csp::recursive]
fn question(text: &str) -> Result<i32, std::num::ParseIntError> {
    match text.split_once(' ') {
        Some((first, rest)) => Ok(first.parse::<i32>()? + question(rest)?),
        None => text.parse(),
    }
}

/// # Safety
///
/// It points to a number.
#[csp::recursive]
unsafe fn dangerous(n: *const u32) -> u32 {
    // SAFETY: the caller's, and a reference's.
    unsafe { if *n == 0 { 0 } else { dangerous(&(*n - 1)) + 1 } }
}

#[csp::recursive(crate = ::csp)]
extern "C" fn c(n: u32) -> u32 {
    if n == 0 { 0 } else { c(n - 1) + 1 }
}

struct Tree<T> {
    value: T,
    children: Vec<Tree<T>>,
}

impl<T: Clone + Display> Tree<T> {
    #[csp::recursive]
    fn first(&self) -> &T {
        self.children.first().map_or(&self.value, Tree::first)
    }

    #[csp::recursive]
    fn first_mut(&mut self) -> &mut T {
        match self.children.first_mut() {
            Some(child) => child.first_mut(),
            None => &mut self.value,
        }
    }

    #[csp::recursive]
    fn into_text(self, mut text: String) -> String {
        text += &self.value.to_string();
        self.children.into_iter().fold(text, |text, child| child.into_text(text))
    }

    #[csp::recursive]
    fn boxed(self: Box<Self>) -> usize {
        self.children.into_iter().map(|child| Box::new(child).boxed()).sum::<usize>() + 1
    }

    #[csp::recursive]
    fn chain(length: usize, value: T) -> Self {
        let children = match length {
            0 => vec![],
            _ => vec![Self::chain(length - 1, value.clone())],
        };
        Self { value, children }
    }

    /// Shadowed by the trait's method of the same name, and not to be called by it.
    #[csp::recursive]
    fn size(&self) -> usize {
        1 + self.children.iter().map(|child| child.size()).sum::<usize>()
    }
}

trait Size {
    fn size(&self) -> usize;

    #[csp::recursive]
    fn twice(&self) -> usize {
        self.size() * 2
    }
}

impl<T> Size for Tree<T> {
    #[csp::recursive]
    fn size(&self) -> usize {
        100 + self.children.iter().map(Size::size).sum::<usize>()
    }
}

struct Noted(&'static str);

thread_local! {
    static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

impl Drop for Noted {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
    }
}

/// Its parameters go as those of any function: after what is inside, the last one first, also what no pattern takes.
#[csp::recursive]
fn dropped(_first: Noted, second: Noted, _: Noted, (fourth, _): (Noted, Noted), last: Noted) {
    let _inside = Noted("inside");
    let _ = (&fourth, &second, &last);
}

/// A body on one line: its block is not one that the compiler finds unnecessary.
#[rustfmt::skip]
#[csp::recursive]
fn on_one_line(n: u32) -> u32 { if n == 0 { 0 } else { 1 + on_one_line(n - 1) } }

/// What the last expression borrows for a moment is given back before the parameter goes.
#[csp::recursive]
fn borrows_at_the_end(cell: RefCell<u32>) -> u32 {
    *cell.borrow()
}

/// Attributes of parameters: those that are not there, and levels of lints.
#[csp::recursive]
fn attributes(
    #[cfg(any())] absent: u32,
    #[cfg(all())] mut present: u32,
    #[expect(unused_variables)] unused: u32,
    #[allow(unused_mut)] mut never_changed: u32,
) -> u32 {
    present += never_changed;
    present
}

fn main() {
    assert_eq!(free((1, 2), 100_000, ""), 100_003);
    assert_eq!(generic(&[1, 5, 3], &0, 0), &5);
    let mut seen = 0_u32;
    add(3, &mut seen);
    assert_eq!(seen, 6);
    assert_eq!(opaque(3).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(question("1 2 39"), Ok(42));
    assert!(question("1 x").is_err());
    // SAFETY: a reference.
    assert_eq!(unsafe { dangerous(&9) }, 9);
    assert_eq!(c(9), 9);
    let mut tree = Tree::chain(3, 7);
    assert_eq!((tree.size(), Size::size(&tree), tree.twice()), (4, 400, 800));
    *tree.first_mut() = 8;
    assert_eq!(tree.first(), &8);
    assert_eq!(tree.into_text(String::new()), "7778");
    assert_eq!(Box::new(Tree::chain(5, 0)).boxed(), 6);
    assert_eq!(on_one_line(3), 3);
    assert_eq!(borrows_at_the_end(RefCell::new(7)), 7);
    assert_eq!(attributes(1, 2, 3), 4);
    let pair = (Noted("fourth"), Noted("beside it"));
    dropped(Noted("first"), Noted("second"), Noted("third"), pair, Noted("last"));
    let order = DROPPED.with_borrow(Vec::clone);
    assert_eq!(
        order,
        ["inside", "last", "fourth", "beside it", "third", "second", "first"]
    );
}
