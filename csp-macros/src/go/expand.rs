//! Writes the expansion of a `go!`.
//!
//! ```text
//! {                                       go!(in wg, clone(tx), name(n) => f(&a, g(b)?))
//!     let group = &wg;
//!     let spawn = Spawn::new().name(n);
//!     let tx = tx.clone();
//!     let argument0 = &a;                 in the caller: the `?` leaves the caller
//!     let argument1 = g(b)?;
//!     spawn.go_in(group, move || f(argument0, argument1))
//! }
//! ```
//!
//! The options are evaluated before anything is cloned or borrowed, so that they see the caller's own
//! variables; `in wg, clone(wg)` works.
//!
//! What stays in place, inside the `move` closure: closures and futures given as arguments (bound to
//! a variable, their parameters' types could not be inferred and what they borrow would die too
//! soon); paths, and fields of paths, as callee or receiver (captured there, they are moved or copied
//! now just the same, and a `static` or something behind an `Arc` can be used).

use super::Go;
use super::body::{Body, first_call};
use super::head::{Capture, Head};
use crate::krate::Krate;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident, parse_quote_spanned};

pub(super) fn expand(krate: &Krate, go: Go) -> TokenStream {
    let Go { head, body } = go;
    let at = head.group.as_ref().map_or(Span::call_site(), Spanned::span);
    let group = Ident::new("group", Span::mixed_site().located_at(at));
    let spawn = Ident::new("spawn", Span::mixed_site());
    let bind_group = head
        .group
        .as_ref()
        .map(|expr| quote!(let #group = &(#expr);));
    let options = options(krate, &head);
    let captures = captures(&head);
    let (bind_call, closure) = closure(body, head.group.is_some());
    let start = match head.group {
        Some(_) => quote!(#spawn.go_in(#group, #closure)),
        None => quote!(#spawn.go(#closure)),
    };
    quote!({
        #bind_group
        let #spawn = #options;
        #captures
        #bind_call
        #start
    })
}

fn options(krate: &Krate, head: &Head) -> TokenStream {
    let spawn = krate.item(quote!(Spawn));
    let name = head.name.iter().map(|name| quote!(.name(#name)));
    let stack = head.stack.iter().map(|bytes| quote!(.stack(#bytes)));
    quote!(#spawn::new()#(#name)*#(#stack)*)
}

fn captures(head: &Head) -> TokenStream {
    let clones = head.clones.iter().map(|capture| {
        let Capture {
            mutability,
            variable,
        } = capture;
        quote!(let #mutability #variable = #variable.clone();)
    });
    let refs = head.refs.iter().map(|capture| {
        let Capture {
            mutability,
            variable,
        } = capture;
        // With the variable's own span, so that "does not live long enough" points at it.
        let borrow = quote_spanned!(variable.span()=> &#mutability #variable);
        quote!(let #variable = #borrow;)
    });
    quote!(#(#clones)* #(#refs)*)
}

/// What the caller evaluates, and the closure that the goroutine runs.
fn closure(body: Body, in_group: bool) -> (TokenStream, TokenStream) {
    match body {
        Body::Closure(mut closure) => {
            if !in_group && closure.capture.is_none() {
                closure.capture = Some(syn::token::Move(closure.or1_token.span));
            }
            (TokenStream::new(), quote!(#closure))
        }
        // The parentheses served to keep the call together; left there, they would be "unnecessary".
        Body::Whole(Expr::Paren(paren)) => (TokenStream::new(), moving(&paren.expr)),
        Body::Whole(expr) => (TokenStream::new(), moving(&expr)),
        Body::Call(mut expr) => {
            let bindings = first_call(&mut expr).map(take_apart);
            let called = first_call(&mut expr).and_then(unwrap_callee);
            let bars = bars(&expr);
            let body = match called {
                Some(bind_callee) => quote!({ #bind_callee #expr }),
                None => quote!(#expr),
            };
            (quote!(#bindings), quote!(#bars #body))
        }
    }
}

/// The closure around a body.
fn moving(body: &Expr) -> TokenStream {
    let bars = bars(body);
    quote!(#bars #body)
}

/// The start of that closure. Errors name it by where it is: at the body, not in the macro.
fn bars(body: &Expr) -> TokenStream {
    let span = Span::mixed_site().located_at(body.span());
    quote_spanned!(span=> move ||)
}

/// Binds a closure that is called in place, inside the goroutine: without `go!` around it, such a call
/// would be redundant, and lints say so.
fn unwrap_callee(call: &mut Expr) -> Option<TokenStream> {
    match call {
        Expr::Call(call) if is_callable_literal(&call.func) => Some(bind(&mut call.func, "callee")),
        _ => None,
    }
}

/// Binds callee or receiver and arguments of a call to variables, left to right.
fn take_apart(call: &mut Expr) -> TokenStream {
    let mut bindings = TokenStream::new();
    let arguments = match call {
        Expr::Call(call) => {
            if !is_place(&call.func) && !is_callable_literal(&call.func) {
                bindings.extend(bind(&mut call.func, "callee"));
            }
            &mut call.args
        }
        Expr::MethodCall(call) => {
            if !is_place(&call.receiver) && !is_callable_literal(&call.receiver) {
                bindings.extend(bind(&mut call.receiver, "receiver"));
            }
            &mut call.args
        }
        _ => return bindings,
    };
    for (index, argument) in arguments.iter_mut().enumerate() {
        if !is_callable_literal(argument) {
            bindings.extend(bind(argument, &format!("argument{index}")));
        }
    }
    bindings
}

/// Puts a variable in the place of `expr`, and gives the `let` that evaluates it.
fn bind(expr: &mut Expr, name: &str) -> TokenStream {
    let span = Span::mixed_site().located_at(expr.span());
    let variable = format_ident!("{name}", span = span);
    let value = std::mem::replace(expr, parse_quote_spanned!(span=> #variable));
    // The parentheses made it one receiver or callee; in a `let` they would be "unnecessary".
    let value = match value {
        Expr::Paren(paren) => *paren.expr,
        value => value,
    };
    match name {
        "callee" | "receiver" => quote! {
            let #variable = #value;
            // Not every callee or receiver is called mutably; the lint stays on for the value itself.
            #[allow(unused_mut)]
            let mut #variable = #variable;
        },
        _ => quote!(let #variable = #value;),
    }
}

/// A path, or fields of one: captured by the goroutine's closure, it needs no variable.
fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Lit(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Group(group) => is_place(&group.expr),
        _ => false,
    }
}

/// A closure or future written out, maybe in parentheses or behind `&`: stays where it is.
fn is_callable_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Async(_) | Expr::Closure(_) => true,
        Expr::Group(group) => is_callable_literal(&group.expr),
        Expr::Paren(paren) => is_callable_literal(&paren.expr),
        Expr::Reference(reference) => is_callable_literal(&reference.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(input: TokenStream) -> String {
        let go = super::super::parse(input).unwrap();
        expand(&Krate::new(quote!(csp)), go).to_string()
    }

    #[test]
    fn arguments_are_bound_left_to_right_and_the_call_is_not() {
        let expected = quote!({
            let spawn = csp::__private::Spawn::new();
            let argument0 = a;
            let argument1 = g(b)?;
            spawn.go(move || f(argument0, argument1))
        });
        assert_eq!(expanded(quote!(f(a, g(b)?))), expected.to_string());
    }

    #[test]
    fn a_closure_as_argument_stays_in_place() {
        let expected = quote!({
            let spawn = csp::__private::Spawn::new();
            let argument1 = n;
            spawn.go(move || x.each(|v| v + 1, argument1))
        });
        assert_eq!(expanded(quote!(x.each(|v| v + 1, n))), expected.to_string());
    }

    #[test]
    fn the_group_is_evaluated_before_the_clones() {
        let expected = quote!({
            let group = &(wg);
            let spawn = csp::__private::Spawn::new();
            let wg = wg.clone();
            spawn.go_in(group, move || {
                f();
                wg.len()
            })
        });
        let found = expanded(quote!(clone(wg), in wg => { f(); wg.len() }));
        assert_eq!(found, expected.to_string());
    }

    #[test]
    fn a_closure_moves_only_when_no_group_may_let_it_borrow() {
        assert!(expanded(quote!(|| x.f())).contains("move | |"));
        assert!(!expanded(quote!(in s => || x.f())).contains("move"));
    }
}
