//! `#[csp::main]` and `#[csp::test]`: run a function as the first goroutine.
//!
//! ```text
//! #[csp::main(panic = "exit")]            fn main() -> ExitCode {
//! fn main() -> T { body }        ──▶          fn main() -> T { body }
//!                                             Main::new().panic_exit().run_main(main)
//!                                         }
//! ```
//!
//! - The inner function has the name of the outer one, so that a body that calls itself gets its `T`.
//! - All other attributes stay in front of the outer function, in their order; lint levels there hold
//!   for the inner one too.
//! - A test that returns `()` does so expanded as well, because `#[should_panic]` asks for it; its
//!   panic comes out of `run_test`.
//! - On a mistake, `fn main() {}` (or the empty test) stands in for the function, so that the compiler
//!   does not add that it is missing.

mod options;

use crate::krate::Krate;
use options::Options;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::{Error, Ident, Item, ItemFn, Result, ReturnType, Type};

/// Which of the two attributes is expanded.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl Kind {
    fn attribute(self) -> &'static str {
        match self {
            Kind::Main => "#[csp::main]",
            Kind::Test => "#[csp::test]",
        }
    }
}

/// Expands one of the attributes.
pub(crate) fn expand(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let options = options::parse.parse2(options);
    let function = match function(kind, item.clone()) {
        Ok(function) => function,
        Err(error) => return with_stand_in(kind, None, item, error),
    };
    let mut errors = check(kind, &function);
    match options {
        Ok(options) if errors.is_none() => return write(kind, &options, &function),
        Ok(_) => {}
        Err(error) => match &mut errors {
            Some(all) => all.combine(error),
            None => errors = Some(error),
        },
    }
    let error = errors.unwrap_or_else(|| Error::new_spanned(&function.sig, "unsound function"));
    let misnamed = kind == Kind::Main && function.sig.ident != "main";
    let keep = if misnamed { item } else { TokenStream::new() };
    with_stand_in(kind, Some(&function.sig.ident), keep, error)
}

fn function(kind: Kind, item: TokenStream) -> Result<ItemFn> {
    match syn::parse2::<Item>(item)? {
        Item::Fn(function) => Ok(function),
        other => {
            let message = format!("expected a function under `{}`", kind.attribute());
            Err(Error::new_spanned(other, message))
        }
    }
}

/// Everything that a function run as the first goroutine cannot be or have.
fn check(kind: Kind, function: &ItemFn) -> Option<Error> {
    let attribute = kind.attribute();
    let sig = &function.sig;
    let mut errors = Vec::new();
    if kind == Kind::Main && sig.ident != "main" {
        let message = format!("expected `fn main` under `{attribute}`");
        errors.push(Error::new_spanned(&sig.ident, message));
    }
    if let Some(token) = &sig.constness {
        let message = format!("expected a function that is not `const` under `{attribute}`");
        errors.push(Error::new_spanned(token, message));
    }
    if let Some(token) = &sig.asyncness {
        let message = format!(
            "expected a function that is not `async`: goroutines block instead of awaiting, and \
             `csp::block_on` runs a future under `{attribute}`"
        );
        errors.push(Error::new_spanned(token, message));
    }
    if let Some(token) = &sig.unsafety {
        let message = format!("expected a function that is not `unsafe` under `{attribute}`");
        errors.push(Error::new_spanned(token, message));
    }
    if let Some(abi) = &sig.abi {
        let message = format!("expected a function without an ABI under `{attribute}`");
        errors.push(Error::new_spanned(abi, message));
    }
    if !sig.generics.params.is_empty() {
        let message = format!("expected no generic parameters under `{attribute}`");
        errors.push(Error::new_spanned(&sig.generics, message));
    } else if let Some(clause) = &sig.generics.where_clause {
        let message = format!("expected no `where` clause under `{attribute}`");
        errors.push(Error::new_spanned(clause, message));
    }
    if !sig.inputs.is_empty() {
        let message = format!("expected no parameters under `{attribute}`");
        errors.push(Error::new_spanned(&sig.inputs, message));
    }
    if kind == Kind::Test {
        let doubled = function.attrs.iter().find(|a| a.path().is_ident("test"));
        if let Some(doubled) = doubled {
            let message = "expected no `#[test]`: `#[csp::test]` makes it a test already";
            errors.push(Error::new_spanned(doubled, message));
        }
    }
    errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    })
}

fn write(kind: Kind, options: &Options, function: &ItemFn) -> TokenStream {
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
    } = function;
    let name = &sig.ident;
    let krate = match &options.krate {
        Some(path) => Krate::new(path),
        None => Krate::new(quote!(::csp)),
    };
    let main = krate.item(quote!(Main));
    let calls = options.calls();
    let inner = quote!(#sig #block);
    match kind {
        Kind::Main => quote! {
            #(#attrs)*
            #vis fn #name() -> ::std::process::ExitCode {
                #inner
                #main::new()#calls.run_main(#name)
            }
        },
        Kind::Test if returns_nothing(&sig.output) => quote! {
            #[::core::prelude::v1::test]
            #(#attrs)*
            #vis fn #name() {
                #inner
                let _ = #main::new()#calls.run_test(#name);
            }
        },
        Kind::Test => quote! {
            #[::core::prelude::v1::test]
            #(#attrs)*
            #vis fn #name() -> ::std::process::ExitCode {
                #inner
                #main::new()#calls.run_test(#name)
            }
        },
    }
}

/// Whether the function returns `()`, or not at all.
fn returns_nothing(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, output) => match &**output {
            Type::Never(_) => true,
            Type::Tuple(tuple) => tuple.elems.is_empty(),
            _ => false,
        },
    }
}

/// The error, and what keeps the compiler from adding others.
fn with_stand_in(kind: Kind, name: Option<&Ident>, keep: TokenStream, error: Error) -> TokenStream {
    let error = error.to_compile_error();
    let stand_in = match (kind, name) {
        (Kind::Main, _) => quote!(
            fn main() {}
        ),
        (Kind::Test, Some(name)) => quote!(#[::core::prelude::v1::test] fn #name() {}),
        (Kind::Test, None) => TokenStream::new(),
    };
    quote!(#error #keep #stand_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(kind: Kind, options: TokenStream, item: TokenStream) -> String {
        expand(kind, options, item).to_string()
    }

    #[test]
    fn main_wraps_its_function() {
        let found = expanded(
            Kind::Main,
            quote!(panic = "exit", crate = foo::csp),
            quote!(
                #[cfg(unix)]
                fn main() -> T {
                    f()
                }
            ),
        );
        let expected = quote! {
            #[cfg(unix)]
            fn main() -> ::std::process::ExitCode {
                fn main() -> T { f() }
                foo::csp::__private::Main::new().panic_exit().run_main(main)
            }
        };
        assert_eq!(found, expected.to_string());
    }

    #[test]
    fn a_test_keeps_its_attributes_in_their_order() {
        let found = expanded(
            Kind::Test,
            quote!(),
            quote!(
                #[ignore]
                #[should_panic]
                fn t() {
                    f()
                }
            ),
        );
        let expected = quote! {
            #[::core::prelude::v1::test]
            #[ignore]
            #[should_panic]
            fn t() {
                fn t() { f() }
                let _ = ::csp::__private::Main::new().run_test(t);
            }
        };
        assert_eq!(found, expected.to_string());
    }

    #[test]
    fn a_mistake_leaves_an_empty_main_behind() {
        let found = expanded(
            Kind::Main,
            quote!(),
            quote!(
                async fn main() {}
            ),
        );
        assert_eq!(found.matches("compile_error").count(), 1);
        assert!(
            found.ends_with(
                &quote!(
                    fn main() {}
                )
                .to_string()
            )
        );
    }
}
