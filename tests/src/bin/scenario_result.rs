//! A program whose main returns a `Result`.

#[csp::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("error") {
        return Err("no such thing".into());
    }
    Ok(())
}
