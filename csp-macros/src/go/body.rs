//! The body of a `go!`: tells a call, which is taken apart, from what runs whole in the goroutine.
//!
//! ```text
//! f(a, b)              a call: f, a and b now, the call in the goroutine
//! x.m(a).n(b)?         a chain: x and a now, m and all behind it in the goroutine
//! (|x: i32| …)(a)      a call of a closure, which stays where it is; a now
//! make(a)(b)           a call of what `make(a)` gives: make(a) and b now, as in Go
//! (make(a)).m(b)       parentheses make `make(a)` the receiver: now
//! { … }  || …  m!(…)   whole; so are `match`, `loop`, parentheses and tuples
//! ```
//!
//! Anything else (a path, a literal, arithmetic, `return`) would be computed and thrown away in the
//! goroutine, which is never meant: an error at the token.

use crate::operators::stream;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprClosure, Result};

/// What the goroutine runs.
pub(super) enum Body {
    /// A call or a chain of calls; [`first_call`] finds the call to be taken apart.
    Call(Expr),
    /// A closure without parameters.
    Closure(ExprClosure),
    /// Anything that runs whole in the goroutine.
    Whole(Expr),
}

/// Parses the tokens behind the `=>`, or all of them if there is none.
pub(super) fn parse(tokens: &[TokenTree]) -> Result<Body> {
    let expr = (|input: ParseStream<'_>| {
        let expr: Expr = input.parse()?;
        if !input.is_empty() {
            return Err(input.error("expected one call, block or closure, and nothing behind it"));
        }
        Ok(expr)
    })
    .parse2(stream(tokens))?;
    classify(expr)
}

fn classify(expr: Expr) -> Result<Body> {
    match expr {
        Expr::Group(group) => classify(*group.expr),
        Expr::Paren(paren) if matches!(*paren.expr, Expr::Closure(_)) => classify(*paren.expr),
        Expr::Closure(closure) => {
            if let Some(asyncness) = closure.asyncness {
                return Err(not_async(asyncness));
            }
            if !closure.inputs.is_empty() {
                let message =
                    "expected a closure without parameters, or a call of it: `(|…| …)(…)`";
                return Err(Error::new_spanned(&closure.inputs, message));
            }
            Ok(Body::Closure(closure))
        }
        Expr::Async(block) => Err(not_async(block.async_token)),
        Expr::Block(_)
        | Expr::Const(_)
        | Expr::ForLoop(_)
        | Expr::If(_)
        | Expr::Loop(_)
        | Expr::Macro(_)
        | Expr::Match(_)
        | Expr::Paren(_)
        | Expr::TryBlock(_)
        | Expr::Tuple(_)
        | Expr::Unsafe(_)
        | Expr::While(_) => Ok(Body::Whole(expr)),
        mut expr => match first_call(&mut expr) {
            Some(_) => Ok(Body::Call(expr)),
            None => Err(not_a_call(&expr)),
        },
    }
}

fn not_async(token: impl ToTokens) -> Error {
    let message = "expected a call, a block or a closure: nothing would poll this future, \
                   `csp::block_on` runs one";
    Error::new_spanned(token, message)
}

/// The error at the token that makes `expr` something other than a call.
fn not_a_call(expr: &Expr) -> Error {
    let (tokens, what): (TokenStream, _) = match expr {
        Expr::Path(_) => return Error::new_spanned(expr, "expected a call: `f()` instead of `f`"),
        Expr::Assign(assign) => (assign.eq_token.to_token_stream(), "an assignment"),
        Expr::Binary(binary) => (binary.op.to_token_stream(), "an operator"),
        Expr::Break(expr) => (expr.break_token.to_token_stream(), "`break`"),
        Expr::Cast(cast) => (cast.as_token.to_token_stream(), "a cast"),
        Expr::Continue(expr) => (expr.continue_token.to_token_stream(), "`continue`"),
        Expr::Lit(_) => (expr.to_token_stream(), "a literal"),
        Expr::Range(range) => (range.limits.to_token_stream(), "a range"),
        Expr::Reference(reference) => (reference.and_token.to_token_stream(), "a reference"),
        Expr::Return(expr) => (expr.return_token.to_token_stream(), "`return`"),
        Expr::Unary(unary) => (unary.op.to_token_stream(), "an operator"),
        _ => (expr.to_token_stream(), "a value"),
    };
    let message = format!("expected a call, a block or a closure, found {what}");
    Error::new_spanned(tokens, message)
}

/// The call whose receiver or callee and arguments the caller evaluates: the innermost of the chain.
pub(super) fn first_call(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::MethodCall(call) if !has_call(&call.receiver) => Some(expr),
        Expr::Call(_) => Some(expr),
        Expr::MethodCall(call) => first_call(&mut call.receiver),
        Expr::Await(await_) => first_call(&mut await_.base),
        Expr::Field(field) => first_call(&mut field.base),
        Expr::Index(index) => first_call(&mut index.expr),
        Expr::Try(try_) => first_call(&mut try_.expr),
        _ => None,
    }
}

/// Whether the chain down from `expr` holds a call. Parentheses and a macro's `$e` end the chain.
fn has_call(expr: &Expr) -> bool {
    match expr {
        Expr::Call(_) | Expr::MethodCall(_) => true,
        Expr::Await(await_) => has_call(&await_.base),
        Expr::Field(field) => has_call(&field.base),
        Expr::Index(index) => has_call(&index.expr),
        Expr::Try(try_) => has_call(&try_.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use syn::parse_quote;

    fn first(mut expr: Expr) -> String {
        first_call(&mut expr).unwrap().to_token_stream().to_string()
    }

    fn message(tokens: TokenStream) -> String {
        let tokens: Vec<_> = tokens.into_iter().collect();
        parse(&tokens).err().unwrap().to_string()
    }

    #[test]
    fn the_innermost_call_of_a_chain_is_the_first() {
        assert_eq!(first(parse_quote!(x.m(a).n(b))), quote!(x.m(a)).to_string());
        assert_eq!(first(parse_quote!(f(a)?.g.n(b))), quote!(f(a)).to_string());
        assert_eq!(
            first(parse_quote!(a.b[c].m(d))),
            quote!(a.b[c].m(d)).to_string()
        );
    }

    #[test]
    fn a_callee_and_parentheses_end_the_chain() {
        assert_eq!(first(parse_quote!(f(a)(b))), quote!(f(a)(b)).to_string());
        assert_eq!(
            first(parse_quote!((f(a)).m(b))),
            quote!((f(a)).m(b)).to_string()
        );
    }

    #[test]
    fn braces_and_parentheses_run_whole() {
        for body in [
            quote!({ f() }),
            quote!((f())),
            quote!((f(), g())),
            quote!(loop {
                f()
            }),
            quote!(println!("x")),
        ] {
            let tokens: Vec<_> = body.into_iter().collect();
            assert!(matches!(parse(&tokens).unwrap(), Body::Whole(_)));
        }
    }

    #[test]
    fn what_is_no_call_is_refused() {
        assert!(message(quote!(f)).starts_with("expected a call: `f()`"));
        assert!(message(quote!(3)).ends_with("found a literal"));
        assert!(message(quote!(return f())).ends_with("found `return`"));
        assert!(message(quote!(break)).ends_with("found `break`"));
        assert!(message(quote!(f() + 1)).ends_with("found an operator"));
        assert!(message(quote!(x = f())).ends_with("found an assignment"));
        assert!(message(quote!(|x| x)).starts_with("expected a closure without parameters"));
        assert!(message(quote!(async { f() })).contains("csp::block_on"));
        assert!(message(quote!(f(), g())).starts_with("expected one call"));
    }
}
