//! Writes files, and the generated part of a document between two marks; what is around it was written by hand and stays.

use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- figures: written by `compare --write-docs`, not by hand -->";
const END: &str = "<!-- end of figures -->";

/// Puts `figures` between the marks of the document at `path`.
pub(crate) fn write_between(path: &Path, figures: &str) -> Result<(), String> {
    let document = fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let document = replaced(&document, figures).ok_or_else(|| {
        format!(
            "{} lacks the lines {BEGIN:?} and {END:?}; put them back",
            path.display()
        )
    })?;
    write(path, &document)
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

fn replaced(document: &str, figures: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        figures.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&document, "new\n").expect("both marks are there");
        assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new\n").as_deref(), Some(new.as_str()));
        assert_eq!(replaced("no marks", "new"), None);
    }

    #[test]
    fn the_document_has_its_marks() {
        let path = crate::peers::root().join("docs/benchmarks.md");
        let document = fs::read_to_string(path).expect("the document can be read");
        assert!(replaced(&document, "").is_some());
    }
}
