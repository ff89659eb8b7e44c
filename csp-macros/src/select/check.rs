//! Checks what one arm cannot know: `biased;` first and once, one `default`, one `else`, at most 64 arms.

use super::head::Head;
use super::parse::{Item, Parsed};
use super::{Arm, MAX_ARMS, Select};
use proc_macro2::Span;
use syn::{Error, Expr, Result};

/// Gives the sound `select!`, or everything that is wrong as one error.
pub(super) fn check(parsed: Parsed) -> Result<Select> {
    let Parsed { items, mut errors } = parsed;
    let mut select = Select {
        biased: false,
        arms: Vec::new(),
        default: None,
        otherwise: None,
    };
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Item::Biased(_) if index == 0 => select.biased = true,
            Item::Biased(at) => {
                let message = "expected `biased;` once, in front of all arms";
                errors.push(Error::new(at, message));
            }
            Item::Arm { at, head, body } => add(&mut select, at, head, *body, &mut errors),
        }
    }
    match errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    }) {
        Some(error) => Err(error),
        None => Ok(select),
    }
}

fn add(select: &mut Select, at: Span, head: Head, body: Expr, errors: &mut Vec<Error>) {
    let (slot, keyword) = match head {
        Head::Default => (&mut select.default, "default"),
        Head::Else => (&mut select.otherwise, "else"),
        Head::Channel {
            operation,
            condition,
        } => {
            if select.arms.len() == MAX_ARMS {
                let message = format!(
                    "expected at most {MAX_ARMS} arms: `csp::Select` takes any number of them"
                );
                errors.push(Error::new(at, message));
            }
            select.arms.push(Arm {
                operation: *operation,
                condition,
                body,
            });
            return;
        }
    };
    if slot.is_some() {
        let message = format!("expected one `{keyword}` arm, found another");
        errors.push(Error::new(at, message));
    }
    *slot = Some(body);
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;
    use proc_macro2::TokenStream;
    use quote::quote;

    fn errors(input: TokenStream) -> Vec<String> {
        match check(parse(input)) {
            Ok(_) => Vec::new(),
            Err(error) => error.into_iter().map(|error| error.to_string()).collect(),
        }
    }

    #[test]
    fn each_last_resort_comes_once() {
        assert!(errors(quote!(default => 1, else => 2)).is_empty());
        assert_eq!(errors(quote!(default => 1, default => 2)).len(), 1);
        assert_eq!(errors(quote!(else => 1, else => 2, else => 3)).len(), 2);
    }

    #[test]
    fn biased_comes_first_and_once() {
        assert!(errors(quote!(biased; <-rx => 1)).is_empty());
        assert_eq!(errors(quote!(<-rx => 1, biased;)).len(), 1);
        assert_eq!(errors(quote!(biased; biased; <-rx => 1)).len(), 1);
    }

    #[test]
    fn the_sixty_fifth_arm_is_one_error() {
        let arms = |count: usize| {
            let arm = (0..count).map(|_| quote!(<-rx => {}));
            quote!(#(#arm)* default => {} else => {})
        };
        assert!(errors(arms(64)).is_empty());
        assert_eq!(errors(arms(65)).len(), 1);
        assert_eq!(errors(arms(70)).len(), 1);
    }
}
