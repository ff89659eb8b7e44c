//! Writes the expansion of a `select!`.
//!
//! ```text
//! {
//!     enum Won<T0, T1> { Arm0(T0), Arm1(T1), Default }
//!     let won = match (recv_arm(COND0, &RX0), send_arm(COND1, &TX1)) {     evaluated once, in order
//!         (mut arm0, mut arm1) => {
//!             let mut mismatched = false;
//!             loop {                                                       no code of the user's inside
//!                 match select(&mut [&mut arm0, &mut arm1], SelectOptions { … }) {
//!                     Selected::Arm(0) => {
//!                         let message = arm0.take();
//!                         if !(message matches PAT0) { arm0.disable(); mismatched = true; continue }
//!                         break Won::Arm0(message);
//!                     }
//!                     Selected::Arm(1) => break Won::Arm1(arm1.take()),
//!                     Selected::Default => break Won::Default,
//!                 }
//!             }
//!         }
//!     };                                                                   temporaries of RX, TX, COND end
//!     match won {
//!         Won::Arm0(message) => match message { PAT0 => BODY0, _ => unreachable!() },
//!         Won::Arm1(permit) => { permit.send_or_panic(VALUE1); BODY1 }
//!         Won::Default => BODY2,
//!     }
//! }
//! ```
//!
//! Invariants:
//!
//! - The winner owns what it needs and borrows neither RX nor TX: a body may assign to them.
//! - VALUE and BODY are in the same `match` arm, outside of every loop or labelled block of ours:
//!   `break` and `continue` are the user's, and a value moved in an arm that breaks is moved once.
//! - A pattern is tested in a guard that always fails: `match m { PAT if { hit = true; false } => …`.
//!   Guards see bindings by reference, so the test moves nothing.
//! - The pattern appears twice, with the same spans: the compiler then drops the second of two equal
//!   errors, and lints are off where it is only tested.
//! - A VALUE that leaves the select makes our call around it unreachable, a lint that is reported even
//!   in the expansions of other crates' macros; it is off for that statement.
//!
//! Rejected: telling irrefutable patterns by their look, to save the test. A lower-case name may be a
//! constant. The optimiser removes the test of a pattern that always matches.

use super::{Arm, Operation, Select};
use crate::krate::Krate;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident, Pat};

/// The names in an expansion, out of reach for the user's.
struct Names {
    /// An item, and items have no hygiene: a name that nobody else uses.
    won: Ident,
    arms: Vec<Ident>,
    variants: Vec<Ident>,
    message: Ident,
    mismatched: Ident,
}

impl Names {
    fn new(arms: usize) -> Names {
        let local = |name: &str| Ident::new(name, Span::mixed_site());
        Names {
            won: local("__CspSelectWon"),
            arms: (0..arms).map(|n| local(&format!("arm{n}"))).collect(),
            variants: (0..arms).map(|n| local(&format!("Arm{n}"))).collect(),
            message: local("message"),
            mismatched: local("mismatched"),
        }
    }
}

pub(super) fn expand(krate: &Krate, select: &Select) -> TokenStream {
    if select.arms.is_empty() && select.default.is_none() && select.otherwise.is_none() {
        let block_forever = krate.item(quote!(block_forever));
        return quote!(#block_forever());
    }
    let names = Names::new(select.arms.len());
    let won = Ident::new("won", Span::mixed_site());
    let outcomes = outcomes(select, &names);
    let winner = winner(krate, select, &names);
    let bodies = bodies(select, &names);
    quote!({
        #outcomes
        let #won = #winner;
        match #won { #bodies }
    })
}

/// The enum of everything that can win.
fn outcomes(select: &Select, names: &Names) -> TokenStream {
    let Names { won, variants, .. } = names;
    let parameters: Vec<Ident> = (0..variants.len())
        .map(|n| format_ident!("T{n}", span = Span::mixed_site()))
        .collect();
    let default = select.default.iter().map(|_| quote!(Default,));
    let otherwise = select.otherwise.iter().map(|_| quote!(Else,));
    quote! {
        enum #won<#(#parameters),*> {
            #(#variants(#parameters),)*
            #(#default)*
            #(#otherwise)*
        }
    }
}

/// The expression that waits, and whose value is the winner.
fn winner(krate: &Krate, select: &Select, names: &Names) -> TokenStream {
    let Names {
        arms, mismatched, ..
    } = names;
    let wait = krate.item(quote!(select));
    let options = krate.item(quote!(SelectOptions));
    let selected = krate.item(quote!(Selected));
    let sources = select.arms.iter().map(|arm| source(krate, arm));
    let (biased, has_default, has_else) = (
        select.biased,
        select.default.is_some(),
        select.otherwise.is_some(),
    );
    let won = &names.won;
    let taken = select
        .arms
        .iter()
        .enumerate()
        .map(|(index, arm)| taken(&selected, index, arm, names));
    let default = match has_default {
        true => quote!(break #won::Default),
        false => quote!(::core::unreachable!()),
    };
    let otherwise = match has_else {
        true => quote!(break #won::Else),
        false => quote!(::core::unreachable!()),
    };
    quote! {
        match (#(#sources,)*) {
            (#(mut #arms,)*) => {
                let mut #mismatched = false;
                loop {
                    match #wait(
                        &mut [#(&mut #arms),*],
                        #options {
                            biased: #biased,
                            has_default: #has_default,
                            has_else: #has_else,
                            mismatched: #mismatched,
                        },
                    ) {
                        #(#taken)*
                        #selected::Arm(_) => ::core::unreachable!(),
                        #selected::Default => #default,
                        #selected::Else => #otherwise,
                    }
                }
            }
        }
    }
}

/// The call that registers one arm.
fn source(krate: &Krate, arm: &Arm) -> TokenStream {
    let condition = match &arm.condition {
        None => quote!(true),
        // As the condition of an `if`, its type is checked there and its temporaries end there.
        Some(condition) => {
            let span = Span::mixed_site().located_at(condition.span());
            quote_spanned!(span=> if #condition { true } else { false })
        }
    };
    let (function, channel) = match &arm.operation {
        Operation::Recv { source, .. } => (krate.item(quote!(recv_arm)), source),
        Operation::Send { target, .. } => (krate.item(quote!(send_arm)), target),
    };
    // With the user's own span, so that "not something to receive from" points at the channel.
    // Punctuation has no hygiene to lose.
    let reference = match channel {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) | Expr::Call(_) | Expr::MethodCall(_) => {
            quote_spanned!(channel.span()=> &#channel)
        }
        channel => quote_spanned!(channel.span()=> &(#channel)),
    };
    quote!(#function(#condition, #reference))
}

/// The arm of the inner `match` that takes what the winning operation gave.
fn taken(selected: &TokenStream, index: usize, arm: &Arm, names: &Names) -> TokenStream {
    let Names {
        won,
        message,
        mismatched,
        ..
    } = names;
    let (variable, variant) = (&names.arms[index], &names.variants[index]);
    let take = match &arm.operation {
        Operation::Send { .. } => quote!(break #won::#variant(#variable.take())),
        Operation::Recv { pattern, .. } => match tested(pattern) {
            // Dropped before the body runs, as `let _ = …` would drop it.
            None => quote!({
                ::core::mem::drop(#variable.take());
                break #won::#variant(());
            }),
            Some(pattern) => {
                let hit = Ident::new("hit", Span::mixed_site());
                let scrutinee = located(message, pattern);
                quote!({
                    let mut #message = #variable.take();
                    let mut #hit = false;
                    match #scrutinee {
                        #[allow(unused, nonstandard_style, clippy::all, clippy::pedantic)]
                        #pattern if { #hit = true; false } => ::core::unreachable!(),
                        _ => {}
                    }
                    if !#hit {
                        #variable.disable();
                        #mismatched = true;
                        continue;
                    }
                    break #won::#variant(#message);
                })
            }
        },
    };
    quote!(#selected::Arm(#index) => #take,)
}

/// The pattern that a message must match, if it is to be looked at at all.
fn tested(pattern: &Option<Pat>) -> Option<&Pat> {
    pattern
        .as_ref()
        .filter(|pattern| !matches!(pattern, Pat::Wild(_)))
}

/// The variable, with the same span in both places where a pattern meets it.
fn located(message: &Ident, pattern: &Pat) -> Ident {
    Ident::new(
        &message.to_string(),
        Span::mixed_site().located_at(pattern.span()),
    )
}

/// The arms of the last `match`, with the user's values and bodies.
fn bodies(select: &Select, names: &Names) -> TokenStream {
    let won = &names.won;
    let arms = select
        .arms
        .iter()
        .zip(&names.variants)
        .map(|(arm, variant)| {
            let (payload, body) = body(arm, names);
            quote!(#won::#variant(#payload) => #body,)
        });
    let default = select.default.iter().map(|body| quote!(Default => #body,));
    let otherwise = select.otherwise.iter().map(|body| quote!(Else => #body,));
    quote! {
        #(#arms)*
        #(#won::#default)*
        #(#won::#otherwise)*
    }
}

/// What an arm binds of the winner, and the arm's expression.
fn body(arm: &Arm, names: &Names) -> (TokenStream, TokenStream) {
    let Names { message, .. } = names;
    let permit = Ident::new("permit", Span::mixed_site());
    let body: &Expr = &arm.body;
    match &arm.operation {
        Operation::Recv { pattern, .. } => match tested(pattern) {
            None => (quote!(()), quote!(#body)),
            Some(pattern) => {
                let message = located(message, pattern);
                let matched = quote!(match #message {
                    #pattern => #body,
                    #[allow(unreachable_patterns)]
                    _ => ::core::unreachable!(),
                });
                (quote!(mut #message), matched)
            }
        },
        Operation::Send {
            result: None,
            value,
            ..
        } => (
            quote!(#permit),
            quote!({
                #[allow(unreachable_code)]
                #permit.send_or_panic(#value);
                #body
            }),
        ),
        Operation::Send {
            result: Some(result),
            value,
            ..
        } => {
            let result = match result {
                Pat::Or(_) => quote!((#result)),
                result => quote!(#result),
            };
            (
                quote!(#permit),
                quote!({
                    #[allow(unreachable_code)]
                    let #result = #permit.send(#value);
                    #body
                }),
            )
        }
    }
}
