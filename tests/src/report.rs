//! Reading the list of goroutines that reports and dumps consist of.
//!
//! [`entries`] takes the text apart and panics at whatever is not of the promised form, so that reading a list is a
//! check of it too.
//!
//! ```text
//! goroutine 7 [worker]: chan receive, 3 minutes at src/main.rs:12:9, started at src/main.rs:8:5
//!    0: csp::channel::receiver::Receiver<T>::recv
//!              at ./src/channel/receiver.rs:99:5
//! ```

/// One goroutine of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it does or waits for.
    pub state: String,
    /// How long, if it waits or is in a call that blocks.
    pub age: Option<String>,
    /// Where, if it waits.
    pub at: Option<String>,
    /// Where it was started.
    pub started: String,
    /// The functions of its backtrace, innermost first.
    pub frames: Vec<String>,
}

/// The goroutines of `text`, from the first line that begins with `goroutine`; they are checked to be in order.
#[track_caller]
pub fn entries(text: &str) -> Vec<Entry> {
    assert!(text.is_empty() || text.ends_with('\n'), "cut off: {text}");
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines() {
        if line.starts_with("goroutine ") {
            let entry = parse(line).unwrap_or_else(|| panic!("not of the form: {line:?}"));
            let order = entries.last().is_none_or(|last| last.id < entry.id);
            assert!(order, "out of order: {line:?}");
            entries.push(entry);
        } else if let Some(entry) = entries.last_mut() {
            let frame = line.trim_start();
            assert!(line.starts_with("  "), "neither: {line:?}");
            if let Some(place) = frame.strip_prefix("at ") {
                assert!(is_place(place) && !entry.frames.is_empty(), "{line:?}");
            } else if !frame.starts_with('…') {
                let (number, name) = frame.split_once(": ").expect(line);
                assert_eq!(number.parse(), Ok(entry.frames.len()), "{line:?}");
                entry.frames.push(name.to_owned());
            }
        }
    }
    entries
}

/// How many goroutines are in `state` now.
pub fn in_state(state: &str) -> usize {
    let mut text = Vec::new();
    csp::runtime::dump(&mut text).expect("a vector takes it");
    let list = entries(&String::from_utf8(text).expect("it is text"));
    list.iter().filter(|entry| entry.state == state).count()
}

fn parse(line: &str) -> Option<Entry> {
    let (head, rest) = line.strip_prefix("goroutine ")?.split_once(": ")?;
    let (id, name) = match head.split_once(" [") {
        Some((id, name)) => (id, Some(name.strip_suffix(']')?.to_owned())),
        None => (head, None),
    };
    let (now, started) = rest.rsplit_once(", started at ")?;
    let (state, age, at) = match now.split_once(", ") {
        None => (now, None, None),
        // Nobody knows where the call is that blocks; it may be the list's own, to read what frames are called.
        Some(("syscall", age)) if is_age(age) => ("syscall", Some(age.to_owned()), None),
        Some((state, wait)) => {
            let (age, at) = wait.split_once(" at ")?;
            if !is_age(age) || !is_place(at) {
                return None;
            }
            (state, Some(age.to_owned()), Some(at.to_owned()))
        }
    };
    is_place(started).then_some(Entry {
        id: id.parse().ok()?,
        name,
        state: state.to_owned(),
        age,
        at,
        started: started.to_owned(),
        frames: Vec::new(),
    })
}

/// `450 ms`, `1 second`, `3 minutes`.
fn is_age(text: &str) -> bool {
    let Some((count, unit)) = text.split_once(' ') else {
        return false;
    };
    let plural = unit.ends_with('s') && unit != "ms";
    let unit = if plural {
        &unit[..unit.len() - 1]
    } else {
        unit
    };
    let count = count.parse::<u64>();
    count.is_ok_and(|count| match unit {
        "ms" => count < 1000,
        "second" | "minute" => (count == 1) != plural && (1..60).contains(&count),
        "hour" => (count == 1) != plural && count > 0,
        _ => false,
    })
}

/// `file:line:column`.
fn is_place(text: &str) -> bool {
    let mut parts = text.rsplitn(3, ':');
    let numbers = [parts.next(), parts.next()];
    let numbered = numbers
        .iter()
        .all(|number| number.is_some_and(|number| number.parse::<u32>().is_ok()));
    numbered && parts.next().is_some_and(|file| file.ends_with(".rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_apart() {
        let text = "SIGQUIT: quit\n\n\
            goroutine 1: running, started at src/main.rs:4:1\n\
            goroutine 7 [a b]: chan receive, 1 second at src/main.rs:12:9, started at src/main.rs:8:5\n   \
            0: app::recv\n             at ./src/main.rs:12:9\n   1: app::main\n";
        let list = entries(text);
        assert_eq!(list.len(), 2);
        assert_eq!((list[0].id, list[0].state.as_str()), (1, "running"));
        assert_eq!(list[1].name.as_deref(), Some("a b"));
        assert_eq!(list[1].at.as_deref(), Some("src/main.rs:12:9"));
        assert_eq!(list[1].frames, ["app::recv", "app::main"]);
        let list = entries("goroutine 3: syscall, 0 ms, started at src/main.rs:8:5\n");
        assert_eq!(list[0].state, "syscall");
        assert_eq!((list[0].age.as_deref(), &list[0].at), (Some("0 ms"), &None));
    }

    #[test]
    fn ages_have_one_form() {
        for good in ["0 ms", "999 ms", "1 second", "59 minutes", "700 hours"] {
            assert!(is_age(good), "{good}");
        }
        for bad in [
            "1000 ms",
            "1 seconds",
            "2 second",
            "60 minutes",
            "0 hours",
            "3",
        ] {
            assert!(!is_age(bad), "{bad}");
        }
    }
}
