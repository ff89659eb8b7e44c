//! `#[csp::test]` with results, `#[should_panic]` and `#[cfg]`.

#![deny(warnings)]

mod tests {
    #[csp::test]
    fn returns_nothing() {}

    #[csp::test]
    fn returns_a_result() -> Result<(), std::num::ParseIntError> {
        let _: u32 = "3".parse()?;
        Ok(())
    }

    #[csp::test(gomaxprocs = 1)]
    #[should_panic(expected = "on purpose")]
    fn panics() {
        panic!("on purpose");
    }

    #[csp::test]
    #[should_panic]
    fn never_returns() -> ! {
        panic!()
    }

    #[cfg(any())]
    #[csp::test]
    fn is_not_compiled() {
        missing();
    }
}

fn main() {}
