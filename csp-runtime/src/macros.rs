//! The macros' public names. Each passes `$crate` on, so that expansions find the crate under
//! whatever name the caller knows it.

/// Starts a goroutine.
///
/// ```text
/// go!( [HEAD =>] BODY ) -> JoinHandle<T>
/// HEAD: comma list of   in EXPR | clone(x, …) | ref(x, mut y, …) | name(EXPR) | stack(EXPR)
/// ```
///
/// A BODY that is a call, `f(a, b)`, or a method chain, `x.m(a).n(b)`, follows Go's rule: the callee or
/// receiver and the arguments of its *first* call are evaluated now, by the caller, from left to
/// right; that call and the rest of the chain run in the goroutine. Any other BODY (a block, a closure
/// without parameters, a macro call, anything in parentheses) runs whole in the goroutine. Captures
/// are moved, and must be `Send + 'static`, or `Send + 'scope` in a scope.
///
/// The arguments of the first call are the caller's, so `go!(clone(ctx) => work(&ctx))` would lend the goroutine a value of
/// the caller's; `go!(clone(ctx) => { work(&ctx) })` runs whole in the goroutine.
///
/// | head | meaning |
/// |---|---|
/// | `in wg` | counts in a [`WaitGroup`](crate::WaitGroup); `in s`: starts in a [`scope`](crate::scope()), and may borrow |
/// | `clone(x, …)` | the goroutine gets clones, the originals stay usable |
/// | `ref(x, mut y, …)` | the goroutine borrows; in scopes |
/// | `name(EXPR)` | the goroutine's name, for reports |
/// | `stack(EXPR)` | the size of its stack in bytes, rounded up to a power of two from 64 KiB to 1 GiB; 256 KiB without it, or what `CSP_STACK` or `#[csp::main(stack = …)]` says |
///
/// A goroutine that calls C code with large frames needs a `stack` to match: the
/// [front page](crate#how-large-stacks-are) says which frames cannot jump over a stack's guard.
///
/// # Panics
///
/// If no stack can be had: the message names the limit and what to change. [`Builder`](crate::Builder)
/// returns an error instead.
///
/// # Examples
///
/// ```
/// use csp::{channel, go};
///
/// let (tx, rx) = channel(0);
/// go!(clone(tx) => tx.send("from a call").unwrap());
/// assert_eq!(rx.recv(), Some("from a call"));
/// let sum = go!({ (1..=10).sum::<u32>() });
/// assert_eq!(sum.join().unwrap(), 55);
/// ```
#[macro_export]
macro_rules! go {
    ($($tokens:tt)*) => { $crate::__private::go! { ($crate) $($tokens)* } };
}

/// Waits for the first of several channel operations, and does exactly one.
///
/// ```text
/// select! {
///     [biased;]
///     PAT = <-RX       [, if COND] => BODY,    // PAT matches Option<T>
///     <-RX             [, if COND] => BODY,
///     TX <- VALUE      [, if COND] => BODY,    // panics "send on closed channel" if closed
///     RES = TX <- VALUE[, if COND] => BODY,    // RES: Result<(), SendError<T>>
///     default => BODY,                         // nothing ready: do not wait
///     else => BODY,                            // every arm is disabled
/// }
/// ```
///
/// - Ready arms are chosen uniformly at random; `biased;` takes them in order.
/// - COND, then RX or TX, are evaluated once each, in the order of the arms. RX may be a `Receiver`, a
///   timer, a reference, or an `Option` of these, where `None` is never ready; likewise TX.
/// - VALUE is evaluated only if its arm is chosen. The receiver waits for it: keep it short, and do
///   not wait in it. If it panics or leaves the select (`?`, `break`), the send is undone and the
///   receiver goes on waiting. A `default` arm does not shorten that wait at the receiving end.
/// - A PAT that does not match drops the message and disables its arm; the wait goes on with the
///   others. When all arms are disabled: `else`; otherwise `default`; otherwise a panic if a PAT did
///   not match; otherwise it waits for ever, as Go does for nil channels.
/// - A send arm panics if its channel is closed, or without receivers, which a stage of a pipeline meets when the next one has
///   stopped: `sent = tx <- v => if sent.is_err() { return }` takes it as a reason to stop, too.
/// - Bodies stand where the select stands: `break`, `continue`, `return` and `?` work. The select
///   is an expression. `select! {}` waits for ever.
///
/// # Examples
///
/// ```
/// use csp::{channel, select};
///
/// let (tx, rx) = channel(1);
/// tx.send(5).unwrap();
/// let doubled = select! {
///     Some(n) = <-rx => n * 2,
///     default => 0,
/// };
/// assert_eq!(doubled, 10);
/// ```
#[macro_export]
macro_rules! select {
    ($($tokens:tt)*) => { $crate::__private::select! { ($crate) $($tokens)* } };
}

/// Runs every arm as a goroutine, waits for all of them, and returns their values as a tuple.
///
/// Arms capture by reference. If arms panic, the first of them in order goes on in the caller, after
/// all have ended. `?` does not cross out of an arm.
///
/// # Examples
///
/// ```
/// let words = ["one", "three"];
/// let (shortest, total) = csp::join!(
///     words.iter().map(|w| w.len()).min(),
///     words.iter().map(|w| w.len()).sum::<usize>(),
/// );
/// assert_eq!((shortest, total), (Some(3), 8));
/// ```
#[macro_export]
macro_rules! join {
    ($($tokens:tt)*) => { $crate::__private::join! { ($crate) $($tokens)* } };
}

/// Runs statements at the end of the enclosing block: in the reverse order of the `defer!`s, and also
/// when the block is left by a panic, `return`, `break` or `?`.
///
/// # Examples
///
/// ```
/// use std::cell::RefCell;
///
/// let log = RefCell::new(Vec::new());
/// {
///     csp::defer! { log.borrow_mut().push("first deferred") }
///     csp::defer! { log.borrow_mut().push("last deferred") }
///     log.borrow_mut().push("body");
/// }
/// assert_eq!(*log.borrow(), ["body", "last deferred", "first deferred"]);
/// ```
#[macro_export]
macro_rules! defer {
    ($($body:tt)*) => {
        let _deferred = $crate::__private::Defer::new(|| { $($body)* ; });
    };
}

/// Declares statics that have a value of their own in every goroutine. Takes what
/// [`thread_local!`](std::thread_local) takes.
///
/// ```text
/// local! { [ATTRIBUTES] [pub] static NAME: TYPE = INIT; … }
/// ```
///
/// Each is a [`LocalKey`](crate::LocalKey), and INIT runs in each goroutine that uses it, at the first use;
/// `const { INIT }` is computed when the program is compiled.
///
/// # Examples
///
/// ```
/// use std::cell::{Cell, RefCell};
///
/// csp::local! {
///     /// How many jobs this goroutine has done.
///     static DONE: Cell<u32> = const { Cell::new(0) };
///     pub static NAME: RefCell<String> = RefCell::new("nobody".to_owned());
/// }
///
/// NAME.set("main".to_owned());
/// DONE.set(DONE.get() + 1);
/// let worker = csp::go!({ (NAME.take(), DONE.get()) });
/// assert_eq!(worker.join().unwrap(), ("nobody".to_owned(), 0));
/// assert_eq!((NAME.take(), DONE.get()), ("main".to_owned(), 1));
/// ```
#[macro_export]
macro_rules! local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr; $($rest:tt)*) => {
        $crate::local!($(#[$attr])* $vis static $name: $ty = $init);
        $crate::local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        $(#[$attr])*
        // A closure, not a function: the user's functions keep their names in it, and elided lifetimes are inferred.
        $vis static $name: $crate::LocalKey<$ty> = $crate::LocalKey::new(|| -> $ty { $init });
    };
}
