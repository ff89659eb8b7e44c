//! Programs that use up stacks, one each or all that can be had; the first argument chooses.
//!
//! The main function is an ordinary one, because some limits have to be set before the runtime starts.

mod limits;
mod overflow;
mod sizes;

/// What most of the scenarios run in.
mod goroutine {
    use super::{limits, overflow, sizes};

    #[csp::main]
    pub(crate) fn main() {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match arguments[..] {
            ["sizes"] => sizes::all(),
            ["default"] => sizes::default(),
            ["attribute"] => sizes::default(),
            ["overflow", scenario] => overflow::run(scenario),
            ["limits", scenario] => limits::run(scenario),
            ref other => panic!("no scenario {other:?}"),
        }
    }
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "before") {
        // Plain threads start goroutines, in a program without an attribute.
        limits::before(&arguments[1]);
        return std::process::ExitCode::SUCCESS;
    }
    if arguments == ["attribute"] {
        return sizes::main();
    }
    goroutine::main()
}
