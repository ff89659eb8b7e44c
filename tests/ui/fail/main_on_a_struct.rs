//! Only a function is run.

#[csp::main]
struct Program;
