//! The options in front of the `=>`: `in EXPR`, `clone(x, …)`, `ref(x, mut y, …)`, `name(EXPR)`, `stack(EXPR)`.
//!
//! They come in any order. `in`, `name` and `stack` make sense once; `clone` and `ref` may be repeated,
//! but name each variable once.

use crate::operators::{is_ident, stream};
use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, Result, Token, parenthesized, token};

/// A variable of `clone(…)` or `ref(…)`.
pub(super) struct Capture {
    pub(super) mutability: Option<Token![mut]>,
    pub(super) variable: Ident,
}

/// The options of one `go!`.
#[derive(Default)]
pub(super) struct Head {
    pub(super) group: Option<Expr>,
    pub(super) name: Option<Expr>,
    pub(super) stack: Option<Expr>,
    pub(super) clones: Vec<Capture>,
    pub(super) refs: Vec<Capture>,
}

const EXPECTED: &str = "expected `in`, `clone(…)`, `ref(…)`, `name(…)` or `stack(…)`";

/// Parses the tokens in front of the `=>`.
pub(super) fn parse(tokens: &[TokenTree]) -> Result<Head> {
    if tokens.is_empty() {
        return Err(Error::new(
            Span::call_site(),
            format!("{EXPECTED} in front of `=>`"),
        ));
    }
    parse_items.parse2(stream(tokens))
}

fn parse_items(input: ParseStream<'_>) -> Result<Head> {
    let mut head = Head::default();
    while !input.is_empty() {
        parse_item(input, &mut head)?;
        if input.is_empty() {
            break;
        }
        if !input.peek(Token![,]) {
            return Err(input.error("expected `,` or `=>`"));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(head)
}

fn parse_item(input: ParseStream<'_>, head: &mut Head) -> Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(EXPECTED));
    }
    let keyword = input.call(Ident::parse_any)?;
    match keyword.to_string().as_str() {
        "in" => {
            if input.is_empty() || input.peek(Token![,]) {
                let message = "expected a `WaitGroup`, a `Scope` or an `ErrGroup` after `in`";
                return Err(Error::new(keyword.span(), message));
            }
            set_once(&mut head.group, &keyword, input.parse()?)
        }
        "name" => set_once(&mut head.name, &keyword, argument(input, &keyword)?),
        "stack" => set_once(&mut head.stack, &keyword, argument(input, &keyword)?),
        "clone" => captures(input, &keyword, head, |head| &mut head.clones),
        "ref" => captures(input, &keyword, head, |head| &mut head.refs),
        other => Err(Error::new(
            keyword.span(),
            format!("unknown option `{other}`: {EXPECTED}"),
        )),
    }
}

fn set_once(option: &mut Option<Expr>, keyword: &Ident, value: Expr) -> Result<()> {
    if option.is_some() {
        let message = format!("`{keyword}` is given twice, expected it once");
        return Err(Error::new(keyword.span(), message));
    }
    *option = Some(value);
    Ok(())
}

/// The one expression of `name(EXPR)` and `stack(EXPR)`.
fn argument(input: ParseStream<'_>, keyword: &Ident) -> Result<Expr> {
    if !input.peek(token::Paren) {
        let message = format!("expected `{keyword}(…)`, with a value in parentheses");
        return Err(Error::new(keyword.span(), message));
    }
    let content;
    let parens = parenthesized!(content in input);
    if content.is_empty() {
        let message = format!("expected the value of `{keyword}` in the parentheses");
        return Err(Error::new(parens.span.join(), message));
    }
    let value = content.parse()?;
    if !content.is_empty() {
        return Err(content.error(format!("expected only one value for `{keyword}`")));
    }
    Ok(value)
}

/// The variables of `clone(…)` and `ref(…)`.
fn captures(
    input: ParseStream<'_>,
    keyword: &Ident,
    head: &mut Head,
    list: impl Fn(&mut Head) -> &mut Vec<Capture>,
) -> Result<()> {
    if !input.peek(token::Paren) {
        let message = format!("expected `{keyword}(…)`, with variables in parentheses");
        return Err(Error::new(keyword.span(), message));
    }
    let content;
    let parens = parenthesized!(content in input);
    if content.is_empty() {
        let message = format!("expected the variables to {keyword} in the parentheses");
        return Err(Error::new(parens.span.join(), message));
    }
    while !content.is_empty() {
        let mutability = content.parse()?;
        let variable: Ident = content
            .parse()
            .map_err(|error| Error::new(error.span(), "expected the name of a variable"))?;
        let known = head.clones.iter().chain(&head.refs);
        if known.into_iter().any(|known| known.variable == variable) {
            let message = format!("`{variable}` is listed twice, expected it once");
            return Err(Error::new(variable.span(), message));
        }
        list(head).push(Capture {
            mutability,
            variable,
        });
        if !content.is_empty() {
            if !content.peek(Token![,]) {
                let message =
                    "expected `,` or `)`: only variables can be listed, not other expressions";
                return Err(content.error(message));
            }
            content.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

/// The error for input that starts as a head does and has no `=>`; `None` if it may be a body.
pub(super) fn without_arrow(tokens: &[TokenTree]) -> Option<Error> {
    let first = tokens.first()?;
    let keyword = ["in", "ref"]
        .into_iter()
        .find(|keyword| is_ident(Some(first), keyword));
    if let Some(keyword) = keyword {
        let message = format!("expected `=>` and a body behind the `{keyword}` option");
        return Some(Error::new(first.span(), message));
    }
    let option = ["clone", "name", "stack"]
        .into_iter()
        .find(|option| is_ident(Some(first), option))?;
    match tokens {
        [
            _,
            TokenTree::Group(_),
            third @ (TokenTree::Ident(_) | TokenTree::Group(_)),
            ..,
        ] => {
            let message = format!("expected `=>` between the `{option}` option and the body");
            Some(Error::new(third.span(), message))
        }
        [_, TokenTree::Group(_), TokenTree::Punct(third), ..] if third.as_char() == ',' => {
            let message = format!("expected `=>` and a body behind the `{option}` option");
            Some(Error::new(first.span(), message))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn head(tokens: proc_macro2::TokenStream) -> Result<Head> {
        parse(&tokens.into_iter().collect::<Vec<_>>())
    }

    fn message(tokens: proc_macro2::TokenStream) -> String {
        head(tokens).err().unwrap().to_string()
    }

    #[test]
    fn options_come_in_any_order() {
        let head =
            head(quote!(ref(a, mut b), stack(1 << 16), in wg, clone(c), name("w"), clone(d),));
        let head = head.unwrap();
        assert!(head.group.is_some() && head.name.is_some() && head.stack.is_some());
        assert_eq!(head.clones.len(), 2);
        assert!(head.refs[0].mutability.is_none() && head.refs[1].mutability.is_some());
    }

    #[test]
    fn once_means_once() {
        assert!(message(quote!(in a, in b)).starts_with("`in` is given twice"));
        assert!(message(quote!(name("a"), name("b"))).starts_with("`name` is given twice"));
        assert!(message(quote!(clone(a), ref(a))).starts_with("`a` is listed twice"));
    }

    #[test]
    fn an_unknown_option_lists_the_known_ones() {
        let message = message(quote!(move(a)));
        assert!(
            message.starts_with("unknown option `move`: expected `in`"),
            "{message}"
        );
    }

    #[test]
    fn only_variables_can_be_cloned() {
        assert!(message(quote!(clone(a.tx))).contains("only variables"));
        assert!(message(quote!(clone(3))).contains("the name of a variable"));
    }
}
