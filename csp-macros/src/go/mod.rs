//! `go!([HEAD =>] BODY)`: starts a goroutine and gives its `JoinHandle`.
//!
//! ```text
//! tokens ──head.rs──▶ Head (in, clone, ref, name, stack)  ┐
//!        ──body.rs──▶ Body (a call, a closure, the rest)  ┴──expand.rs──▶ Spawn::new()….go(move || …)
//! ```
//!
//! The head is told from the body by the `=>` between them: no expression has one outside of braces,
//! so `go!(name(x))` is a call of a function `name`, and `go!(name("x") => …)` has an option.

mod body;
mod expand;
mod head;

use crate::krate::Krate;
use crate::operators;
use body::Body;
use head::Head;
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{Error, Result};

/// What the input of one `go!` says.
struct Go {
    head: Head,
    body: Body,
}

/// Expands the input behind `($crate)`.
pub(crate) fn expand(krate: &Krate, input: TokenStream) -> Result<TokenStream> {
    let go = parse(input)?;
    Ok(expand::expand(krate, go))
}

fn parse(input: TokenStream) -> Result<Go> {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let Some(arrow) = operators::find(&tokens, "=>") else {
        if let Some(error) = head::without_arrow(&tokens) {
            return Err(error);
        }
        if tokens.is_empty() {
            let message = "expected a call, a block or a closure for the goroutine to run";
            return Err(Error::new(Span::call_site(), message));
        }
        return Ok(Go {
            head: Head::default(),
            body: body::parse(&tokens)?,
        });
    };
    let head = head::parse(&tokens[..arrow.start]);
    let body = match &tokens[arrow.end..] {
        [] => Err(Error::new_spanned(
            operators::stream(&tokens[arrow.start..arrow.end]),
            "expected a call, a block or a closure after `=>`",
        )),
        body => body::parse(body),
    };
    match (head, body) {
        (Ok(head), Ok(body)) => Ok(Go { head, body }),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn without_an_arrow_an_option_is_a_call() {
        let go = parse(quote!(name(x))).unwrap();
        assert!(go.head.name.is_none());
        assert!(matches!(go.body, Body::Call(_)));
    }

    #[test]
    fn with_an_arrow_it_is_an_option() {
        let go = parse(quote!(name("x") => f())).unwrap();
        assert!(go.head.name.is_some());
    }

    #[test]
    fn an_arrow_inside_braces_belongs_to_the_body() {
        let go = parse(quote!(match x {
            _ => 1,
        }))
        .unwrap();
        assert!(matches!(go.body, Body::Whole(_)));
    }

    #[test]
    fn errors_of_head_and_body_are_both_reported() {
        let error = parse(quote!(nam("x") => f)).err().unwrap();
        assert_eq!(error.into_iter().count(), 2);
    }

    #[test]
    fn a_head_without_its_arrow_is_noticed() {
        for input in [quote!(in wg), quote!(in wg, f()), quote!(clone(a) f(a))] {
            let error = parse(input).err().unwrap();
            assert!(error.to_string().contains("`=>`"), "{error}");
        }
    }
}
