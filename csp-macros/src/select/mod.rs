//! `select!`: waits for one of several channel operations and runs that arm's body.
//!
//! ```text
//! tokens ──parse.rs──▶ Parsed, in the order written ──check.rs──▶ Select, known to be sound
//!                                                                   └─expand.rs──▶ expansion
//! ```
//!
//! `parse` goes on behind a mistake to the next arm, so that several mistakes are all reported at once.

mod check;
mod expand;
mod head;
mod parse;

use crate::krate::Krate;
use proc_macro2::TokenStream;
use syn::{Expr, Pat, Result};

/// The most arms that one `select!` may have, `default` and `else` not counted.
const MAX_ARMS: usize = 64;

/// What an arm waits for.
enum Operation {
    /// `PATTERN = <-SOURCE`, or `<-SOURCE` without a pattern.
    Recv { pattern: Option<Pat>, source: Expr },
    /// `RESULT = TARGET <- VALUE`, or `TARGET <- VALUE` without a pattern for the result.
    Send {
        result: Option<Pat>,
        target: Expr,
        value: Expr,
    },
}

/// One arm that waits for a channel.
struct Arm {
    operation: Operation,
    condition: Option<Expr>,
    body: Expr,
}

/// A whole `select!` that is known to be sound.
struct Select {
    biased: bool,
    arms: Vec<Arm>,
    default: Option<Expr>,
    otherwise: Option<Expr>,
}

/// Expands the input behind `($crate)`.
pub(crate) fn expand(krate: &Krate, input: TokenStream) -> Result<TokenStream> {
    let select = check::check(parse::parse(input))?;
    Ok(expand::expand(krate, &select))
}
