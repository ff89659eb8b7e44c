//! Cuts the input into arms: `HEAD => BODY`, with a `,` between them that a block makes optional.
//!
//! The `=>` is looked for among the tokens and everything in front of it is the head, which
//! [`head`](super::head) parses. A head that cannot be understood costs its arm only: behind its `=>`
//! the body is parsed all the same, and then the next arm.

use super::head::{self, Head};
use crate::operators::{find, is_ident, is_punct, stream};
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Result};

/// One thing that the input says; an arm, mostly.
pub(super) enum Item {
    /// `biased;`
    Biased(Span),
    /// `HEAD => BODY`, where the span is the head's first token.
    Arm {
        at: Span,
        head: Head,
        body: Box<Expr>,
    },
}

/// What the input says, in its order, and what is wrong with it.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) items: Vec<Item>,
    pub(super) errors: Vec<Error>,
}

pub(super) fn parse(input: TokenStream) -> Parsed {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let mut parsed = Parsed::default();
    let mut rest = &tokens[..];
    while !rest.is_empty() {
        rest = parse_item(rest, &mut parsed);
    }
    parsed
}

/// Parses one item off the front of `tokens`, which has some, and gives the rest.
fn parse_item<'a>(tokens: &'a [TokenTree], parsed: &mut Parsed) -> &'a [TokenTree] {
    let at = tokens[0].span();
    if is_ident(tokens.first(), "biased") {
        if is_punct(tokens.get(1), ';') {
            parsed.items.push(Item::Biased(at));
            return &tokens[2..];
        }
        // `biased => …` and `biased _ = …`; but a variable may have this name.
        let missing = match tokens.get(1) {
            None | Some(TokenTree::Ident(_)) => true,
            Some(_) => is_punct(tokens.get(1), ',') || starts_with_arrow(&tokens[1..]),
        };
        if missing {
            parsed
                .errors
                .push(Error::new(at, "expected `;` after `biased`"));
            let skipped = 1 + usize::from(is_punct(tokens.get(1), ','));
            if !starts_with_arrow(&tokens[1..]) {
                return &tokens[skipped..];
            }
            return parse_body(tokens, 1, None, parsed);
        }
    }
    match find(tokens, "=>") {
        Some(arrow) if arrow.start == 0 => {
            let message = "expected an arm in front of `=>`";
            parsed.errors.push(Error::new(at, message));
            parse_body(tokens, 0, None, parsed)
        }
        Some(arrow) => match head::parse(&tokens[..arrow.start]) {
            Ok(head) => parse_body(tokens, arrow.start, Some(head), parsed),
            Err(error) => {
                parsed.errors.push(error);
                parse_body(tokens, arrow.start, None, parsed)
            }
        },
        None => {
            parsed.errors.push(match head::parse(tokens) {
                Ok(_) => {
                    let last = tokens[tokens.len() - 1].span();
                    Error::new(last, "expected `=>` and a body behind this")
                }
                Err(error) => error,
            });
            &[]
        }
    }
}

fn starts_with_arrow(tokens: &[TokenTree]) -> bool {
    find(tokens, "=>").is_some_and(|arrow| arrow.start == 0)
}

/// Parses the body behind the `=>` at index `arrow`, and the `,` behind the body. Without a head,
/// which was wrong then, the body is only skipped.
fn parse_body<'a>(
    tokens: &'a [TokenTree],
    arrow: usize,
    head: Option<Head>,
    parsed: &mut Parsed,
) -> &'a [TokenTree] {
    let body_tokens = &tokens[arrow + 2..];
    if body_tokens.is_empty() || is_punct(body_tokens.first(), ',') {
        let arrow = stream(&tokens[arrow..arrow + 2]);
        let message = "expected the arm's body after `=>`";
        parsed.errors.push(Error::new_spanned(arrow, message));
        return body_tokens.get(1..).unwrap_or_default();
    }
    let (body, rest) = match split_body(body_tokens) {
        Ok(split) => split,
        Err(error) => {
            parsed.errors.push(error);
            return &[];
        }
    };
    if let Some(head) = head {
        parsed.items.push(Item::Arm {
            at: tokens[0].span(),
            head,
            body: Box::new(body.clone()),
        });
    }
    match rest.first() {
        None => rest,
        Some(_) if is_punct(rest.first(), ',') => &rest[1..],
        Some(_) if ends_itself(&body) => rest,
        Some(next) => {
            let message = "expected `,` between the arms: this body is no block";
            parsed.errors.push(Error::new(next.span(), message));
            rest
        }
    }
}

/// Parses the expression at the front of `tokens` by the rules of a `match` arm.
fn split_body(tokens: &[TokenTree]) -> Result<(Expr, &[TokenTree])> {
    let parser = |input: ParseStream<'_>| {
        let body = Expr::parse_with_earlier_boundary_rule(input)?;
        let rest: TokenStream = input.parse()?;
        Ok((body, rest.into_iter().count()))
    };
    let (body, rest) = parser.parse2(stream(tokens))?;
    Ok((body, &tokens[tokens.len() - rest..]))
}

/// Whether a `match` arm with this body needs no `,` behind it.
fn ends_itself(body: &Expr) -> bool {
    matches!(
        body,
        Expr::Block(_)
            | Expr::Const(_)
            | Expr::ForLoop(_)
            | Expr::If(_)
            | Expr::Loop(_)
            | Expr::Match(_)
            | Expr::TryBlock(_)
            | Expr::Unsafe(_)
            | Expr::While(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn counts(input: TokenStream) -> (usize, Vec<String>) {
        let parsed = parse(input);
        let errors = parsed.errors.iter().map(Error::to_string).collect();
        (parsed.items.len(), errors)
    }

    #[test]
    fn a_block_makes_the_comma_optional() {
        let (items, errors) = counts(quote! {
            biased;
            v = <-rx => { f(v) }
            tx <- 1, if ok => match x { _ => {} }
            <-rx => g::<A, B>(1, 2),
            default => |a, b| a + b
        });
        assert_eq!((items, errors), (5, vec![]));
    }

    #[test]
    fn a_missing_comma_is_one_error_and_the_next_arm_still_counts() {
        let (items, errors) = counts(quote!(<-rx => f() default => 1));
        assert_eq!(items, 2);
        assert_eq!(
            errors,
            ["expected `,` between the arms: this body is no block"]
        );
    }

    #[test]
    fn every_wrong_arm_is_reported() {
        let (items, errors) = counts(quote!(f() => 1, <-rx => 2, tx <- => 3, else => ,));
        assert_eq!(items, 1);
        assert_eq!(errors.len(), 3);
    }

    #[test]
    fn a_missing_arrow_is_reported_at_what_stands_there() {
        let (_, errors) = counts(quote!(v = <-rx { f() } default => 1));
        assert_eq!(errors, ["expected `=>` or `, if`"]);
        let (_, errors) = counts(quote!(v = <-rx));
        assert_eq!(errors, ["expected `=>` and a body behind this"]);
    }

    #[test]
    fn biased_needs_its_semicolon() {
        assert_eq!(counts(quote!(biased <-rx => 1)).1.len(), 0);
        let missing = vec!["expected `;` after `biased`".to_string()];
        assert_eq!(counts(quote!(biased, <-rx => 1)), (1, missing.clone()));
        assert_eq!(counts(quote!(biased v = <-rx => 1)), (1, missing.clone()));
        assert_eq!(counts(quote!(biased => 1)), (0, missing));
    }
}
