//! `join!(a, b, …) -> (A, B, …)`: runs every arm as a goroutine and waits for all.
//!
//! ```text
//! scope(|scope| {
//!     let handles = (Spawn::new().go_in(&scope, || a), Spawn::new().go_in(&scope, || b),);
//!     (unwrap_joined(handles.0.join()), unwrap_joined(handles.1.join()),)
//! })
//! ```
//!
//! The arms are closures without `move`, so they borrow what they only use. A panic that is unwrapped
//! here unwinds through `scope`, which waits for the other arms before it lets it pass.

use crate::krate::Krate;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Index, Result, Token};

/// Expands the input behind `($crate)`.
pub(crate) fn expand(krate: &Krate, input: TokenStream) -> Result<TokenStream> {
    let arms = parse.parse2(input)?;
    Ok(write(krate, &arms))
}

fn parse(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    if input.is_empty() {
        return Err(Error::new(
            Span::call_site(),
            "expected expressions to run, separated by `,`",
        ));
    }
    let mut arms = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![,]) {
            return Err(input.error("expected an expression in front of `,`"));
        }
        let arm: Expr = input.parse()?;
        check(&arm)?;
        arms.push(arm);
        if input.is_empty() {
            break;
        }
        if !input.peek(Token![,]) {
            return Err(input.error("expected `,` behind the expression"));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(arms)
}

fn check(arm: &Expr) -> Result<()> {
    match arm {
        Expr::Closure(closure) if closure.asyncness.is_some() => Err(Error::new_spanned(
            closure.asyncness,
            "expected an expression or a closure: nothing would poll this future",
        )),
        Expr::Closure(closure) if !closure.inputs.is_empty() => Err(Error::new_spanned(
            &closure.inputs,
            "expected a closure without parameters",
        )),
        _ => Ok(()),
    }
}

fn write(krate: &Krate, arms: &[Expr]) -> TokenStream {
    let scope = krate.item(quote!(scope));
    let spawn = krate.item(quote!(Spawn));
    let unwrap_joined = krate.item(quote!(unwrap_joined));
    let children = Ident::new("children", Span::mixed_site());
    let handles = Ident::new("handles", Span::mixed_site());
    let starts = arms.iter().map(|arm| {
        let closure = match arm {
            // A closure is run, as `go!` would run it, not handed back.
            Expr::Closure(closure) => quote!(#closure),
            arm => {
                let bars = Span::mixed_site().located_at(arm.span());
                quote::quote_spanned!(bars=> || #arm)
            }
        };
        quote!(#spawn::new().go_in(&#children, #closure))
    });
    let joins = (0..arms.len()).map(|index| {
        let index = Index::from(index);
        quote!(#unwrap_joined(#handles.#index.join()))
    });
    quote! {
        #scope(|#children| {
            let #handles = (#(#starts,)*);
            (#(#joins,)*)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(input: TokenStream) -> String {
        parse.parse2(input).err().unwrap().to_string()
    }

    #[test]
    fn a_trailing_comma_is_fine() {
        assert_eq!(parse.parse2(quote!(f(), { g() },)).unwrap().len(), 2);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(message(quote!()).starts_with("expected expressions"));
        assert!(message(quote!(f(), , g())).starts_with("expected an expression"));
        assert!(message(quote!({ f() } { g() })).starts_with("expected `,`"));
        assert!(message(quote!(|x| x)).starts_with("expected a closure without"));
    }
}
