//! Writes files, and the generated part of a document between two marks; what is around it was written by hand and stays.

use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- figures: written by `compare --write-docs`, not by hand -->";
const END: &str = "<!-- end of figures -->";

/// The lines around what was generated.
#[derive(Debug)]
pub(crate) struct Marks {
    begin: &'static str,
    end: &'static str,
}

/// Around the comparison.
const FIGURES: Marks = Marks {
    begin: BEGIN,
    end: END,
};

/// Around the instructions of our operations.
pub(crate) const INSTRUCTIONS: Marks = Marks {
    begin: "<!-- instructions: written by `compare --instructions --write-docs`, not by hand -->",
    end: "<!-- end of instructions -->",
};

/// Around what the machine charges.
pub(crate) const PHYSICAL: Marks = Marks {
    begin: "<!-- physical: written by `compare --physical --write-docs`, not by hand -->",
    end: "<!-- end of physical -->",
};

/// Puts `figures` between the marks of the comparison in the document at `path`.
pub(crate) fn write_between(path: &Path, figures: &str) -> Result<(), String> {
    write_between_marks(path, &FIGURES, figures)
}

/// Puts `figures` between `marks` in the document at `path`.
pub(crate) fn write_between_marks(path: &Path, marks: &Marks, figures: &str) -> Result<(), String> {
    let document = fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let document = replaced(&document, marks, figures).ok_or_else(|| {
        format!(
            "{} lacks the lines {:?} and {:?}; put them back",
            path.display(),
            marks.begin,
            marks.end
        )
    })?;
    write(path, &document)
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

fn replaced(document: &str, marks: &Marks, figures: &str) -> Option<String> {
    let Marks { begin, end } = marks;
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        figures.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&document, &FIGURES, "new\n").expect("both marks are there");
        assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(
            replaced(&new, &FIGURES, "new\n").as_deref(),
            Some(new.as_str())
        );
        assert_eq!(replaced("no marks", &FIGURES, "new"), None);
    }

    #[test]
    fn the_document_has_its_marks() {
        let path = crate::peers::root().join("docs/benchmarks.md");
        let document = fs::read_to_string(path).expect("the document can be read");
        for marks in [FIGURES, INSTRUCTIONS, PHYSICAL] {
            assert!(replaced(&document, &marks, "").is_some(), "{marks:?}");
        }
    }
}
