//! The options of `#[csp::main(…)]` and `#[csp::test(…)]`.
//!
//! Numbers may be constant expressions, so that `stack = 64 * 1024` reads well; of those the compiler
//! checks the type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitBool, LitInt, LitStr, Path, Result, Token};

/// What the options say; what is `None` is left to the runtime.
#[derive(Default)]
pub(super) struct Options {
    gomaxprocs: Option<Expr>,
    panic_exit: bool,
    pinned: bool,
    stack: Option<Expr>,
    preempt: Option<LitBool>,
    pub(super) krate: Option<Path>,
}

impl Options {
    /// The method calls that set them on a `Main`.
    pub(super) fn calls(&self) -> TokenStream {
        let gomaxprocs = self.gomaxprocs.iter().map(|n| quote!(.gomaxprocs(#n)));
        let panic_exit = self.panic_exit.then(|| quote!(.panic_exit()));
        let pinned = self.pinned.then(|| quote!(.pinned()));
        let stack = self.stack.iter().map(|bytes| quote!(.stack(#bytes)));
        let preempt = self.preempt.iter().map(|on| quote!(.preempt(#on)));
        quote!(#(#gomaxprocs)* #panic_exit #pinned #(#stack)* #(#preempt)*)
    }
}

const EXPECTED: &str = "expected `gomaxprocs`, `panic`, `pinned`, `stack`, `preempt` or `crate`";

/// Parses what stands in the attribute's parentheses.
pub(super) fn parse(input: ParseStream<'_>) -> Result<Options> {
    let mut options = Options::default();
    let mut known: Vec<Ident> = Vec::new();
    while !input.is_empty() {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(EXPECTED));
        }
        let option = input.call(Ident::parse_any)?;
        if known.contains(&option) {
            let message = format!("`{option}` is given twice, expected it once");
            return Err(Error::new(option.span(), message));
        }
        parse_value(input, &option, &mut options)?;
        known.push(option);
        if input.is_empty() {
            break;
        }
        if !input.peek(Token![,]) {
            return Err(input.error("expected `,` between the options"));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(options)
}

fn parse_value(input: ParseStream<'_>, option: &Ident, options: &mut Options) -> Result<()> {
    match option.to_string().as_str() {
        "gomaxprocs" => options.gomaxprocs = Some(number(input, option, "a number of Ps")?),
        "stack" => options.stack = Some(number(input, option, "a number of bytes")?),
        "panic" => {
            let text: LitStr = value(input, option, "`\"exit\"`")?;
            if text.value() != "exit" {
                return Err(Error::new(text.span(), "expected `\"exit\"`"));
            }
            options.panic_exit = true;
        }
        "preempt" => options.preempt = Some(value(input, option, "`true` or `false`")?),
        "crate" => options.krate = Some(value(input, option, "a path, such as `::csp`")?),
        "pinned" => {
            if input.peek(Token![=]) {
                return Err(input.error("expected no value: `pinned` alone turns it on"));
            }
            options.pinned = true;
        }
        other => {
            let message = format!("unknown option `{other}`: {EXPECTED}");
            return Err(Error::new(option.span(), message));
        }
    }
    Ok(())
}

/// Parses `= VALUE`; `expected` says what the value is.
fn value<T: syn::parse::Parse>(
    input: ParseStream<'_>,
    option: &Ident,
    expected: &str,
) -> Result<T> {
    if !input.peek(Token![=]) {
        let message = format!("expected `{option} = …` with {expected}");
        return Err(Error::new(option.span(), message));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("expected {expected} after `=`");
        return Err(Error::new_spanned(equals, message));
    }
    let at = input.span();
    input
        .parse()
        .map_err(|_| Error::new(at, format!("expected {expected}")))
}

/// Parses `= N`. A literal that is no integer, and zero, are noticed here.
fn number(input: ParseStream<'_>, option: &Ident, expected: &str) -> Result<Expr> {
    let number: Expr = value(input, option, expected)?;
    if let Expr::Lit(ExprLit { lit, .. }) = &number {
        let positive = |int: &LitInt| {
            matches!(int.suffix(), "" | "usize")
                && int.base10_digits().bytes().any(|digit| digit != b'0')
        };
        match lit {
            Lit::Int(int) if positive(int) => {}
            _ => return Err(Error::new_spanned(lit, format!("expected {expected}"))),
        }
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse::Parser;

    fn message(input: TokenStream) -> String {
        parse.parse2(input).err().unwrap().to_string()
    }

    #[test]
    fn every_option_becomes_its_call() {
        let options = quote!(
            gomaxprocs = 4,
            panic = "exit",
            pinned,
            stack = 64 * 1024,
            preempt = false,
        );
        let calls = parse.parse2(options).unwrap().calls().to_string();
        let expected = quote!(.gomaxprocs(4).panic_exit().pinned().stack(64 * 1024).preempt(false));
        assert_eq!(calls, expected.to_string());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(message(quote!(threads = 4)).starts_with("unknown option `threads`: expected"));
        assert!(message(quote!(pinned, pinned)).starts_with("`pinned` is given twice"));
        assert_eq!(message(quote!(gomaxprocs = "4")), "expected a number of Ps");
        assert_eq!(message(quote!(gomaxprocs = 0)), "expected a number of Ps");
        assert_eq!(message(quote!(panic = "abort")), "expected `\"exit\"`");
        assert_eq!(message(quote!(preempt = 0)), "expected `true` or `false`");
        assert!(message(quote!(stack)).starts_with("expected `stack = …`"));
        assert!(message(quote!(pinned = true)).starts_with("expected no value"));
        assert!(message(quote!(crate = 3)).starts_with("expected a path"));
        assert!(message(quote!(3)).starts_with("expected `gomaxprocs`"));
    }
}
