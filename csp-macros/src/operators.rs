//! Finds operators such as `=>` and `<-` among the tokens of one nesting level.
//!
//! `Expr` reads `tx <- v` as `tx < -v`, so the macros must cut the input before an expression is
//! parsed. A proc macro sees `<-` as `<` followed by `-` with the spacing `Joint`; so is the `=<` of
//! `x =<-rx`, which is no operator. The tokens are therefore glued the way the compiler's lexer does
//! it: the longest operator first, from left to right.
//!
//! ```text
//! x = < - r x  =  >          tokens; the first three and the last two are joint
//! └┘ └─┘└──┘ └───┘
//! =  <-  rx   =>             glued
//! ```
//!
//! Only the level that is looked at is cut. Groups stay whole, the invisible ones around a
//! `$e:expr` too, so an operator of the user's inside one is never taken for ours.

use proc_macro2::{Spacing, TokenStream, TokenTree};

/// Every operator of the language of more than one character, longest first.
const OPERATORS: [&str; 25] = [
    "<<=", ">>=", "...", "..=", "::", "->", "<-", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=",
    "-=", "*=", "/=", "%=", "^=", "&=", "|=", "<<", ">>", "..",
];

/// A token or an operator made of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Glued {
    /// Where its first token is.
    pub(crate) start: usize,
    /// Where the token behind it is.
    pub(crate) end: usize,
    /// The operator, if it is one of several characters.
    operator: Option<&'static str>,
}

impl Glued {
    /// Whether this is `operator`, which may also have just one character.
    pub(crate) fn is(&self, operator: &str, tokens: &[TokenTree]) -> bool {
        match (&self.operator, &tokens[self.start]) {
            (Some(found), _) => *found == operator,
            (None, TokenTree::Punct(punct)) => {
                let mut characters = operator.chars();
                characters.next() == Some(punct.as_char()) && characters.next().is_none()
            }
            _ => false,
        }
    }
}

/// Glues the operators of one level together.
pub(crate) fn glue(tokens: &[TokenTree]) -> Vec<Glued> {
    let mut glued = Vec::with_capacity(tokens.len());
    let mut start = 0;
    while start < tokens.len() {
        let run = joint_run(&tokens[start..]);
        let operator = OPERATORS
            .into_iter()
            .find(|operator| run.starts_with(operator));
        let end = start + operator.map_or(1, str::len);
        glued.push(Glued {
            start,
            end,
            operator,
        });
        start = end;
    }
    glued
}

/// The characters of the punctuation that `tokens` starts with, as far as it is joint; at most three.
fn joint_run(tokens: &[TokenTree]) -> String {
    let mut run = String::new();
    for token in tokens.iter().take(3) {
        let TokenTree::Punct(punct) = token else {
            break;
        };
        run.push(punct.as_char());
        if punct.spacing() == Spacing::Alone {
            break;
        }
    }
    run
}

/// The first `operator` on this level.
pub(crate) fn find(tokens: &[TokenTree], operator: &str) -> Option<Glued> {
    glue(tokens)
        .into_iter()
        .find(|glued| glued.is(operator, tokens))
}

/// The tokens as a stream, to be parsed or put into the expansion.
pub(crate) fn stream(tokens: &[TokenTree]) -> TokenStream {
    tokens.iter().cloned().collect()
}

/// Whether `token` is the identifier `name`; a raw one is not.
pub(crate) fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

/// Whether `token` is the punctuation `character`.
pub(crate) fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Vec<TokenTree> {
        source.parse::<TokenStream>().unwrap().into_iter().collect()
    }

    fn split_at(source: &str, operator: &str) -> Option<(String, String)> {
        let tokens = tokens(source);
        let found = find(&tokens, operator)?;
        Some((
            stream(&tokens[..found.start]).to_string(),
            stream(&tokens[found.end..]).to_string(),
        ))
    }

    #[test]
    fn an_arrow_is_found_without_spaces_around_it() {
        assert_eq!(split_at("x=<-rx", "<-"), Some(("x =".into(), "rx".into())));
        assert_eq!(split_at("tx<-&v", "<-"), Some(("tx".into(), "& v".into())));
    }

    #[test]
    fn less_than_minus_with_a_space_is_no_arrow() {
        assert_eq!(split_at("a < -b", "<-"), None);
    }

    #[test]
    fn an_arrow_inside_a_group_is_not_seen() {
        assert_eq!(split_at("f(a <-b)", "<-"), None);
    }

    #[test]
    fn longer_operators_hide_shorter_ones() {
        assert_eq!(split_at("a <<= b >= c ..= d", "="), None);
        assert_eq!(split_at("a == b", "=>"), None);
        assert_eq!(
            split_at("a >= b => c", "=>"),
            Some(("a >= b".into(), "c".into()))
        );
    }
}
