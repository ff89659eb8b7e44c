//! The `($crate)` group that every wrapper passes as the first token of its macro's input.
//!
//! `$crate` keeps its meaning however often the wrapper is re-exported or the crate renamed, because
//! it names the crate that *defined* the wrapper. Asking Cargo's manifest for the crate's name
//! (what `proc-macro-crate` does) was rejected: it reads files and does not see re-exports.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Error;

/// The path of the runtime crate, as the expansion must write it.
pub(crate) struct Krate(TokenStream);

impl Krate {
    /// Takes a path that was written out, such as the one in `crate = path`.
    pub(crate) fn new(path: impl ToTokens) -> Krate {
        Krate(path.to_token_stream())
    }

    /// Takes the leading `($crate)` off a macro's input.
    fn split(input: TokenStream) -> Option<(Krate, TokenStream)> {
        let mut tokens = input.into_iter();
        match tokens.next() {
            Some(TokenTree::Group(group)) => Some((Krate(group.stream()), tokens.collect())),
            _ => None,
        }
    }

    /// The path of one of the runtime's items for expansions.
    pub(crate) fn item(&self, name: TokenStream) -> TokenStream {
        let krate = &self.0;
        quote!(#krate::__private::#name)
    }
}

/// Runs a function-like macro's expansion on the input behind `($crate)`.
///
/// Errors become `compile_error!`s in one block, which stands wherever the macro may stand: several
/// side by side would themselves be an error in an expression.
pub(crate) fn expand_with(
    input: TokenStream,
    expand: impl FnOnce(&Krate, TokenStream) -> syn::Result<TokenStream>,
) -> TokenStream {
    let Some((krate, input)) = Krate::split(input) else {
        let error = Error::new(
            proc_macro2::Span::call_site(),
            "expected `($crate)` first; use the macro through the `csp` crate",
        );
        return error.to_compile_error();
    };
    expand(&krate, input).unwrap_or_else(|error| {
        let errors = error.to_compile_error();
        quote!({ #errors })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_group_is_the_crate_and_the_rest_the_input() {
        let (krate, rest) = Krate::split(quote!((::csp) a => b)).unwrap();
        assert_eq!(
            krate.item(quote!(Spawn)).to_string(),
            quote!(::csp::__private::Spawn).to_string()
        );
        assert_eq!(rest.to_string(), quote!(a => b).to_string());
    }

    #[test]
    fn input_without_the_group_is_refused_with_words() {
        let output = expand_with(quote!(f()), |_, input| Ok(input)).to_string();
        assert!(output.contains("through the `csp` crate"));
    }
}
