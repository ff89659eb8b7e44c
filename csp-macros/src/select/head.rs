//! Parses what stands in front of an arm's `=>`.
//!
//! ```text
//! PAT = <-RX          , if COND        the last token in front of `<-` is `=`
//!       <-RX          , if COND        nothing is in front of `<-`
//! RES = TX <- VALUE   , if COND        a `=` is in front of `<-`, but not right there
//!       TX <- VALUE   , if COND
//! default     else
//! ```
//!
//! The cuts are made among the glued tokens of this level, `, if` first, then `<-`, then `=`; only the
//! parts are parsed as patterns and expressions. So a `<-` that means "less than minus" is safe in
//! COND, in any group, and in VALUE behind the first one.

use super::Operation;
use crate::operators::{Glued, glue, is_ident, is_punct, stream};
use proc_macro2::{Span, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Pat, Result};

/// A parsed head.
pub(super) enum Head {
    Channel {
        operation: Box<Operation>,
        condition: Option<Expr>,
    },
    Default,
    Else,
}

/// Parses the tokens in front of the `=>`, of which there is at least one.
pub(super) fn parse(tokens: &[TokenTree]) -> Result<Head> {
    if is_ident(tokens.first(), "else") {
        return last_resort(tokens, "else", Head::Else);
    }
    if is_default(tokens) {
        return last_resort(tokens, "default", Head::Default);
    }
    let glued = glue(tokens);
    let comma = glued
        .iter()
        .find(|glued| glued.is(",", tokens) && is_ident(tokens.get(glued.end), "if"));
    let (operation, condition) = match comma {
        None => (tokens, None),
        Some(comma) => (
            &tokens[..comma.start],
            Some(condition(&tokens[comma.end], &tokens[comma.end + 1..])?),
        ),
    };
    Ok(Head::Channel {
        operation: Box::new(parse_operation(operation)?),
        condition,
    })
}

/// Whether this is a `default` arm, and not an expression that starts with a variable of that name.
fn is_default(tokens: &[TokenTree]) -> bool {
    let expression = ["<-", ".", "::", "?"];
    let glued = glue(tokens);
    is_ident(tokens.first(), "default")
        && !glued.get(1).is_some_and(|second| {
            expression
                .into_iter()
                .any(|operator| second.is(operator, tokens))
        })
}

fn last_resort(tokens: &[TokenTree], keyword: &str, head: Head) -> Result<Head> {
    let message = match &tokens[1..] {
        [] => return Ok(head),
        [next, ..] if is_ident(Some(next), "if") => {
            format!("expected `=>`: `{keyword}` takes no condition")
        }
        [comma, next, ..] if is_punct(Some(comma), ',') && is_ident(Some(next), "if") => {
            format!("expected `=>`: `{keyword}` takes no condition")
        }
        [next, ..] if is_punct(Some(next), '=') || matches!(next, TokenTree::Group(_)) => {
            format!("expected `=>`: `{keyword}` takes neither a pattern nor a channel")
        }
        _ => format!("expected `=>` after `{keyword}`"),
    };
    Err(Error::new(tokens[1].span(), message))
}

fn condition(keyword: &TokenTree, tokens: &[TokenTree]) -> Result<Expr> {
    if tokens.is_empty() {
        return Err(Error::new(
            keyword.span(),
            "expected a condition after `if`",
        ));
    }
    let condition = expression(tokens, Braces::Eager, "expected `=>` after the condition")?;
    if let Expr::Let(expr) = &condition {
        let message = "expected a `bool`: the condition cannot bind with `let`";
        return Err(Error::new_spanned(expr.let_token, message));
    }
    Ok(condition)
}

fn parse_operation(tokens: &[TokenTree]) -> Result<Operation> {
    let glued = glue(tokens);
    let Some(index) = arrow(tokens, &glued) else {
        return Err(no_arrow(tokens, &glued));
    };
    let arrow = glued[index];
    let (left, right) = (&tokens[..arrow.start], &tokens[arrow.end..]);
    let equals = glued[..index].iter().find(|glued| glued.is("=", tokens));
    let missing = |what: &str| {
        let message = format!("expected {what} after `<-`");
        Error::new_spanned(stream(&tokens[arrow.start..arrow.end]), message)
    };
    let pattern = |equals: &Glued| pattern(&tokens[..equals.start], tokens[equals.start].span());
    match equals {
        Some(equals) if equals.end < arrow.start => {
            if right.is_empty() {
                return Err(missing("the value to send"));
            }
            Ok(Operation::Send {
                result: Some(pattern(equals)?),
                target: expression(&tokens[equals.end..arrow.start], Braces::Eager, TARGET_END)?,
                value: value(right)?,
            })
        }
        None if !left.is_empty() => {
            if right.is_empty() {
                return Err(missing("the value to send"));
            }
            Ok(Operation::Send {
                result: None,
                target: expression(left, Braces::Eager, TARGET_END)?,
                value: value(right)?,
            })
        }
        equals => {
            let pattern = equals.map(pattern).transpose()?;
            if right.is_empty() {
                return Err(missing("the channel to receive from"));
            }
            Ok(Operation::Recv {
                pattern,
                source: expression(right, Braces::Never, HEAD_END)?,
            })
        }
    }
}

const TARGET_END: &str = "expected `<-` after the channel to send to";
const HEAD_END: &str = "expected `=>` or `, if`";

/// The index of the `<-` in the glued tokens; the one of `Type::<-1>` is none.
fn arrow(tokens: &[TokenTree], glued: &[Glued]) -> Option<usize> {
    (0..glued.len()).find(|&index| {
        let generic = index > 0 && glued[index - 1].is("::", tokens);
        glued[index].is("<-", tokens) && !generic
    })
}

/// The error for an arm that is neither a receive nor a send.
fn no_arrow(tokens: &[TokenTree], glued: &[Glued]) -> Error {
    let apart = glued
        .windows(2)
        .find(|pair| pair[0].is("<", tokens) && pair[1].is("-", tokens));
    if let Some(pair) = apart {
        let found = stream(&tokens[pair[0].start..pair[1].end]);
        return Error::new_spanned(found, "expected `<-`, without a space in it");
    }
    let message = "expected an arm: `PATTERN = <-receiver`, `<-receiver`, `sender <- value`, \
                   `RESULT = sender <- value`, `default` or `else`";
    Error::new_spanned(stream(tokens), message)
}

fn pattern(tokens: &[TokenTree], equals: Span) -> Result<Pat> {
    if tokens.is_empty() {
        return Err(Error::new(equals, "expected a pattern in front of `=`"));
    }
    let parser = |input: ParseStream<'_>| {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        match input.is_empty() {
            true => Ok(pattern),
            false => Err(input.error("expected `=` after the pattern")),
        }
    };
    parser
        .parse2(stream(tokens))
        .map_err(|error| placed(error, tokens))
}

/// The value to send. If it cannot be read, because a block follows where `=>` is missing, it says so.
fn value(tokens: &[TokenTree]) -> Result<Expr> {
    expression(tokens, Braces::Eager, HEAD_END).map_err(|error| {
        match expression(tokens, Braces::Never, HEAD_END) {
            Err(other) if other.to_string() == HEAD_END => other,
            _ => error,
        }
    })
}

/// Whether `name { … }` is a struct, or a `name` with a brace behind it that does not belong to it.
#[derive(Clone, Copy, PartialEq)]
enum Braces {
    Eager,
    Never,
}

/// Parses all of `tokens` as one expression; a token too many is an error with the text `end`.
fn expression(tokens: &[TokenTree], braces: Braces, end: &str) -> Result<Expr> {
    let parser = |input: ParseStream<'_>| {
        let expr = match braces {
            Braces::Eager => input.parse()?,
            Braces::Never => Expr::parse_without_eager_brace(input)?,
        };
        match input.is_empty() {
            true => Ok(expr),
            false => Err(input.error(end)),
        }
    };
    parser
        .parse2(stream(tokens))
        .map_err(|error| placed(error, tokens))
}

/// Moves an error "at the end of the input" to the last token: the end of this part is no place that
/// the user can see, and `syn` would point at the whole macro.
fn placed(error: Error, tokens: &[TokenTree]) -> Error {
    let text = error.to_string();
    match (
        text.strip_prefix("unexpected end of input, "),
        tokens.last(),
    ) {
        (Some(expected), Some(last)) => Error::new(last.span(), format!("{expected} after this")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{ToTokens, quote};

    fn tokens(source: &str) -> Vec<TokenTree> {
        let stream: proc_macro2::TokenStream = source.parse().unwrap();
        stream.into_iter().collect()
    }

    fn shape(source: &str) -> String {
        let text = |tokens: &dyn ToTokens| tokens.to_token_stream().to_string().replace(' ', "");
        match parse(&tokens(source)) {
            Err(error) => format!("error: {error}"),
            Ok(Head::Default) => "default".into(),
            Ok(Head::Else) => "else".into(),
            Ok(Head::Channel {
                operation,
                condition,
            }) => {
                let condition = condition.map_or(String::new(), |c| format!(" if {}", text(&c)));
                match *operation {
                    Operation::Recv { pattern, source } => {
                        format!("recv {} {}{condition}", text(&pattern), text(&source))
                    }
                    Operation::Send {
                        result,
                        target,
                        value,
                    } => format!(
                        "send {} {} {}{condition}",
                        text(&result),
                        text(&target),
                        text(&value)
                    ),
                }
            }
        }
    }

    #[test]
    fn the_four_forms_are_told_apart() {
        assert_eq!(shape("Some(v) = <-rx"), "recv Some(v) rx");
        assert_eq!(shape("Some(1)|None=<-rx"), "recv Some(1)|None rx");
        assert_eq!(shape("<-a.b(c)"), "recv  a.b(c)");
        assert_eq!(shape("tx<-v"), "send  tx v");
        assert_eq!(shape("r = &txs[0] <- f(x)?"), "send r &txs[0] f(x)?");
    }

    #[test]
    fn less_than_minus_is_only_an_arrow_where_one_is_due() {
        assert_eq!(shape("<-rx, if a <-b"), "recv  rx if a<-b");
        assert_eq!(shape("tx <- a <-b"), "send  tx a<-b");
        assert_eq!(shape("tx <- -b, if x == y"), "send  tx -b if x==y");
        assert_eq!(shape("pick(a <-b) <- c"), "send  pick(a<-b) c");
        assert_eq!(shape("K::<-1>::tx() <- c"), "send  K::<-1>::tx() c");
    }

    #[test]
    fn default_is_a_word_only_where_an_arm_starts_with_it() {
        assert_eq!(shape("default"), "default");
        assert_eq!(shape("default <- 1"), "send  default 1");
        assert_eq!(
            shape("default, if x"),
            "error: expected `=>`: `default` takes no condition"
        );
        assert_eq!(
            shape("default = <-rx"),
            "error: expected `=>`: `default` takes neither a pattern nor a channel"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            shape("tx <-"),
            "error: expected the value to send after `<-`"
        );
        assert_eq!(
            shape("v = <-"),
            "error: expected the channel to receive from after `<-`"
        );
        assert_eq!(shape("= <-rx"), "error: expected a pattern in front of `=`");
        assert_eq!(shape("<-rx, if"), "error: expected a condition after `if`");
        assert_eq!(
            shape("v = < -rx"),
            "error: expected `<-`, without a space in it"
        );
        assert!(shape("v = rx.recv()").starts_with("error: expected an arm"));
        assert_eq!(shape("tx <- v { 1 }"), "error: expected `=>` or `, if`");
        assert!(shape("tx <- 1 +").ends_with("after this"));
    }

    #[test]
    fn a_struct_can_be_sent() {
        let point = quote!(tx <- Point { x: 1 }).to_string();
        assert_eq!(shape(&point), "send  tx Point{x:1}");
    }
}
