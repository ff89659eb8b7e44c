//! `#[csp::recursive]`: a function whose calls go on on a further stack segment when the stack runs out.
//!
//! ```text
//! #[csp::recursive]                        fn f(&mut self, a: A, __1: (B, C)) -> R {
//! fn f(&mut self, mut a: A,         ──▶        grow(move || -> R {
//!      (b, c): (B, C)) -> R { body }               let mut a = a; let (b, c) = __1; { body }
//!                                              })
//!                                          }
//! ```
//!
//! - The body becomes a closure: `return` and `?` leave it as they left the function. Its type is written down unless
//!   there is an `impl` in it, which a closure cannot have; then the function's own type tells it.
//! - All parameters are bound again inside, by their patterns, so that they are dropped in the order in which those of a
//!   function are; one that a pattern may not take whole is bound as a whole before. `self` cannot be bound, and is the
//!   last to go anyway.
//! - The body is the arm of a `match`, left out in the picture: what its last expression holds for a moment goes before the
//!   parameters do, in any edition; and a block alone in a closure's would have the compiler say that it is not needed.
//! - What a parameter's attributes say about lints moves inside with it; `cfg` holds for both.
//! - All attributes stay, in front of the outer function. Inside a closure `#[track_caller]` has no effect: the panics of
//!   such a function show its own lines.
//!
//! Rejected: calling the function itself anew on the segment, which needs no closure where the stack suffices. Whether
//! `f` is to be called as `f`, `Self::f` or `Trait::f` cannot be seen here, and a wrong guess would call another function.

use crate::krate::Krate;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    AttrStyle, Attribute, Error, FnArg, Ident, ImplItemFn, Item, Pat, PatType, Path, Result,
    ReturnType, Token,
};

/// Expands the attribute.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = options_of.parse2(options);
    let function = function(item.clone()).and_then(|function| match check(&function) {
        Some(error) => Err(error),
        None => Ok(function),
    });
    match (parsed, function) {
        (Ok(krate), Ok(function)) => write(&krate, function),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => with_item(error, item),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            with_item(error, item)
        }
    }
}

/// The error, and the item as it is, so that the compiler does not add that it is missing.
fn with_item(error: Error, item: TokenStream) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}

/// Parses what stands in the attribute's parentheses: nothing, or `crate = path`.
fn options_of(input: ParseStream<'_>) -> Result<Krate> {
    if input.is_empty() {
        return Ok(Krate::new(quote!(::csp)));
    }
    const EXPECTED: &str = "expected no options but `crate = path` under `#[csp::recursive]`";
    if !input.peek(Token![crate]) {
        return Err(input.error(EXPECTED));
    }
    input.parse::<Token![crate]>()?;
    if !input.peek(Token![=]) {
        return Err(input.error("expected `crate = …` with a path, such as `::csp`"));
    }
    input.parse::<Token![=]>()?;
    let at = input.span();
    let path: Path = input
        .parse()
        .map_err(|_| Error::new(at, "expected a path, such as `::csp`"))?;
    if input.peek(Token![,]) {
        input.parse::<Token![,]>()?;
    }
    if !input.is_empty() {
        return Err(input.error(EXPECTED));
    }
    Ok(Krate::new(path))
}

/// A free function, or one of an `impl` or a trait; to this parser they look alike.
fn function(item: TokenStream) -> Result<ImplItemFn> {
    const EXPECTED: &str = "expected a function with a body under `#[csp::recursive]`";
    match syn::parse2::<ImplItemFn>(item.clone()) {
        Ok(function) => Ok(function),
        Err(error) => match syn::parse2::<Item>(item.clone()) {
            Ok(Item::Fn(_)) | Err(_) if !ends_with_semicolon(&item) => Err(error),
            Ok(other) => Err(Error::new_spanned(head_of(other), EXPECTED)),
            Err(_) => Err(Error::new_spanned(item, EXPECTED)),
        },
    }
}

fn ends_with_semicolon(item: &TokenStream) -> bool {
    let last = item.clone().into_iter().last();
    matches!(last, Some(TokenTree::Punct(punct)) if punct.as_char() == ';')
}

/// The first tokens of an item, up to its name: what an error is to point at.
fn head_of(item: Item) -> TokenStream {
    item.into_token_stream().into_iter().take(2).collect()
}

/// Everything that a function that goes on on another stack cannot be.
fn check(function: &ImplItemFn) -> Option<Error> {
    let sig = &function.sig;
    let mut errors = Vec::new();
    if let Some(token) = &sig.constness {
        let message = "expected a function that is not `const` under `#[csp::recursive]`";
        errors.push(Error::new_spanned(token, message));
    }
    if let Some(token) = &sig.asyncness {
        let message = "expected a function that is not `async` under `#[csp::recursive]`: its calls make \
                       futures, which do not lie on the stack";
        errors.push(Error::new_spanned(token, message));
    }
    if let Some(dots) = &sig.variadic {
        let message = "expected a function without `...` under `#[csp::recursive]`";
        errors.push(Error::new_spanned(dots, message));
    }
    errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    })
}

fn write(krate: &Krate, function: ImplItemFn) -> TokenStream {
    let ImplItemFn {
        attrs,
        vis,
        defaultness,
        mut sig,
        block,
    } = function;
    let mut bindings = TokenStream::new();
    for (at, argument) in sig.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(argument) = argument {
            bindings.extend(bind_again(at, argument));
        }
    }
    let grow = krate.item(quote!(grow));
    let output = match &sig.output {
        ReturnType::Type(_, output) if has_impl(output.to_token_stream()) => TokenStream::new(),
        ReturnType::Type(arrow, output) => quote!(#arrow #output),
        ReturnType::Default => quote_spanned!(block.span()=> -> ()),
    };
    let (outer, inner): (Vec<_>, Vec<_>) = attrs
        .into_iter()
        .partition(|attribute| matches!(attribute.style, AttrStyle::Outer));
    quote! {
        #(#outer)*
        #vis #defaultness #sig {
            #(#inner)*
            #grow(move || #output { #bindings match () { () => #block } })
        }
    }
}

/// Binds a parameter inside the closure as it was bound outside, under the same conditions.
fn bind_again(at: usize, argument: &mut PatType) -> TokenStream {
    let (lints, conditions): (Vec<_>, Vec<_>) = argument.attrs.drain(..).partition(is_lint);
    let attrs = quote!(#(#conditions)* #(#lints)*);
    argument.attrs = conditions;
    let pattern = &mut *argument.pat;
    if let Pat::Ident(ident) = pattern
        && ident.by_ref.is_none()
        && ident.subpat.is_none()
    {
        let name = ident.ident.clone();
        let mutability = ident.mutability.take();
        return quote!(#attrs let #mutability #name = #name;);
    }
    let span = Span::mixed_site().located_at(pattern.span());
    let name: Ident = format_ident!("__argument_{at}", span = span);
    let inner = core::mem::replace(pattern, syn::parse_quote!(#name));
    // First as a whole: a pattern may leave parts where they are, to be dropped in their turn.
    quote!(#attrs let #name = #name; #attrs let #inner = #name;)
}

/// Whether an attribute sets the level of a lint: such are about the binding that the body sees.
fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"]
        .iter()
        .any(|level| attribute.path().is_ident(level))
}

/// Whether `impl` occurs in a type.
fn has_impl(output: TokenStream) -> bool {
    output.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Group(group) => has_impl(group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(options: TokenStream, item: TokenStream) -> String {
        expand(options, item).to_string()
    }

    #[test]
    fn the_body_becomes_a_closure_and_parameters_are_bound_again() {
        let found = expanded(
            quote!(crate = foo::csp),
            quote!(
                #[inline]
                pub(crate) fn f<'a, T: X>(&'a mut self, mut n: usize) -> Result<&'a T, E> {
                    g(n)?
                }
            ),
        );
        let expected = quote! {
            #[inline]
            pub(crate) fn f<'a, T: X>(&'a mut self, n: usize) -> Result<&'a T, E> {
                foo::csp::__private::grow(move || -> Result<&'a T, E> { let mut n = n; match () { () => { g(n)? } } })
            }
        };
        assert_eq!(found, expected.to_string());
    }

    #[test]
    fn a_type_with_impl_is_not_repeated() {
        let found = expanded(
            quote!(),
            quote!(
                fn f() -> Option<impl Iterator<Item = u8>> {
                    g()
                }
            ),
        );
        let expected = quote! {
            fn f() -> Option<impl Iterator<Item = u8> > {
                ::csp::__private::grow(move || { match () { () => { g() } } })
            }
        };
        assert_eq!(found, expected.to_string());
    }

    #[test]
    fn mistakes_are_named() {
        for (options, item, message) in [
            (
                quote!(),
                quote!(
                    async fn f() {}
                ),
                "is not `async`",
            ),
            (
                quote!(),
                quote!(
                    const fn f() {}
                ),
                "is not `const`",
            ),
            (
                quote!(),
                quote!(
                    struct S;
                ),
                "expected a function with a body",
            ),
            (
                quote!(),
                quote!(
                    fn f();
                ),
                "expected a function with a body",
            ),
            (
                quote!(red = 1),
                quote!(
                    fn f() {}
                ),
                "expected no options but",
            ),
            (
                quote!(crate),
                quote!(
                    fn f() {}
                ),
                "expected `crate = …`",
            ),
            (
                quote!(crate = 3),
                quote!(
                    fn f() {}
                ),
                "expected a path",
            ),
            (
                quote!(crate = a, b),
                quote!(
                    fn f() {}
                ),
                "expected no options but",
            ),
        ] {
            let found = expanded(options, item);
            assert_eq!(found.matches("compile_error").count(), 1, "{found}");
            assert!(found.contains(message), "{found}");
        }
    }
}
