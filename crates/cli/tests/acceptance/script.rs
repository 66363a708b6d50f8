//! Transcripts: what is typed, and what comes back.
//!
//! | line | means |
//! |---|---|
//! | `# text` | for the reader |
//! | `@ sim ARGS` | the simulated account that the transcript works with; without it the folder is empty |
//! | `$ twinlake ARGS` | runs it; the lines up to the next blank line are what it prints, standard output first |
//! | `? 3` | (before them) how it ends, when not with 0 |
//! | `> FILE` … `<` | writes a file |
//! | `~ FILE: OLD => NEW` | replaces a text of a file, which must be there |
//!
//! In what is printed `[..]` stands for anything within a line and `...` for any lines. In what is typed and written,
//! `$CONTROL` is the control's URL, `$east.url` and `$east.token` are a workspace's.

use std::fmt::Write as _;

use crate::bench::Bench;

/// Plays a transcript.
pub(crate) fn play(script: &str) {
    let mut player = Player { bench: Bench::empty(), lines: script.lines().collect(), at: 0 };
    while let Some(line) = player.next() {
        player.step(line);
    }
}

struct Player<'s> {
    bench: Bench,
    lines: Vec<&'s str>,
    at: usize,
}

impl<'s> Player<'s> {
    fn next(&mut self) -> Option<&'s str> {
        let line = self.lines.get(self.at)?;
        self.at += 1;
        Some(line)
    }

    /// The lines up to the one that ends them, which is taken as well.
    fn until(&mut self, end: &str) -> Vec<&'s str> {
        let mut taken = Vec::new();
        while let Some(line) = self.next().filter(|line| *line != end) {
            taken.push(line);
        }
        taken
    }

    fn step(&mut self, line: &'s str) {
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match sign {
            "" | "#" => {}
            "@" => {
                let arguments = words(rest);
                let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
                self.bench = Bench::simulated(&arguments);
            }
            "$" => self.run(rest),
            ">" => {
                let text = self.until("<").join("\n") + "\n";
                let text = self.filled_in(&text);
                let path = self.bench.file(rest);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            "~" => self.replace(rest),
            _ => panic!("line {}: {line:?} is no line of a transcript", self.at),
        }
    }

    /// A text with what is known only now.
    fn filled_in(&self, text: &str) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let mut text = text.replace("$CONTROL", &self.bench.control());
        for workspace in self.bench.account()["workspaces"].as_array().unwrap() {
            let name = workspace["name"].as_str().unwrap();
            for field in ["url", "token"] {
                text = text.replace(&format!("${name}.{field}"), workspace[field].as_str().unwrap());
            }
        }
        text
    }

    fn replace(&self, rest: &str) {
        let rest = self.filled_in(rest);
        let (file, change) = rest.split_once(": ").expect("FILE: OLD => NEW");
        let (old, new) = change.split_once(" => ").expect("OLD => NEW");
        let (old, new) = (old.replace("\\n", "\n"), new.replace("\\n", "\n"));
        let path = self.bench.file(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&old), "line {}: {file} has no {old:?}:\n{text}", self.at);
        std::fs::write(path, text.replace(&old, &new)).unwrap();
    }

    fn run(&mut self, line: &str) {
        let line_number = self.at;
        let typed = words(&self.filled_in(line));
        assert_eq!(typed[0], "twinlake", "line {line_number}");
        let arguments: Vec<&str> = typed[1..].iter().map(String::as_str).collect();
        let output = self.bench.run(&arguments);
        let mut expected = self.until("");
        let mut code = 0;
        if let Some(stated) = expected.first().and_then(|line| line.strip_prefix("? ")) {
            code = stated.parse().unwrap();
            expected.remove(0);
        }
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let printed: Vec<&str> =
            out.lines().chain(err.lines()).filter(|line| !line.trim().is_empty()).collect();
        let mut failure = String::new();
        if output.status.code() != Some(code) {
            let _ = writeln!(failure, "ended with {:?} instead of {code}", output.status.code());
        }
        if !matches(&expected, &printed) {
            let _ = writeln!(failure, "expected:\n{}", expected.join("\n"));
        }
        assert!(failure.is_empty(), "line {line_number}: $ {line}\n{failure}printed:\n{out}{err}");
    }
}

/// The words of a command line; single quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Whether lines are as expected; blank ones do not count.
fn matches(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => match printed.split_first() {
            Some((line, more)) => is_like(first.trim(), line.trim()) && matches(rest, more),
            None => false,
        },
    }
}

/// Whether a line is as expected, white space between words aside.
fn is_like(expected: &str, line: &str) -> bool {
    fn squeezed(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
    fn walk(parts: &[&str], rest: &str) -> bool {
        match parts.split_first() {
            None => rest.is_empty(),
            Some((last, [])) => rest.ends_with(last),
            Some((part, more)) => {
                rest.match_indices(part).any(|(at, _)| walk(more, &rest[at + part.len()..]))
            }
        }
    }
    let (expected, line) = (squeezed(expected), squeezed(line));
    let parts: Vec<&str> = expected.split("[..]").collect();
    match parts.as_slice() {
        [whole] => *whole == line,
        [first, rest @ ..] => line.strip_prefix(first).is_some_and(|after| walk(rest, after)),
        [] => line.is_empty(),
    }
}

#[test]
fn a_transcript_that_is_not_what_happened_fails() {
    assert!(is_like("a [..] b", "a  x y  b") && is_like("a[..]", "a") && is_like("[..]b[..]", "abc"));
    assert!(!is_like("a [..] c", "a x b") && !is_like("a", "ab") && !is_like("[..]b", "bc"));
    assert!(matches(&["a", "...", "c"], &["a", "b", "b", "c"]) && matches(&["..."], &[]));
    assert!(
        !matches(&["a"], &["a", "b"])
            && !matches(&["a", "b"], &["a"])
            && !matches(&["...", "c"], &["a", "b"])
    );
    assert_eq!(words("a 'b c' d"), ["a", "b c", "d"]);
}
