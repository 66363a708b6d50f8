//! YAML text, read into a tree that knows its places.
//!
//! We read events rather than a library's tree, because the problems that matter to an operator (a key set twice, with
//! both places) are lost in one. Anchors, aliases and merge keys (`<<`) work; tags of one's own and keys that are
//! not words are refused. Every bound below is far above any honest config and keeps a hostile one harmless.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::node::{Entry, Map, Node, Value, join};
use crate::problem::{Mark, Problem, Report, Spot};

/// The longest file that is read, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The deepest nesting; ours needs less than ten.
const MAX_DEPTH: usize = 48;
/// The most values, aliases counted as often as they are used.
const MAX_NODES: usize = 100_000;

/// Reads one file's text. None, and a problem in the report, when it is not YAML.
pub(crate) fn parse(file: &Arc<str>, text: &str, report: &Report) -> Option<Node> {
    let mut builder =
        Builder { file, report, frames: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    let outcome = builder.build(text);
    if let Err(problem) = outcome {
        report.add(*problem);
        return None;
    }
    builder.root
}

type Refused = Box<Problem>;

struct Builder<'a> {
    file: &'a Arc<str>,
    report: &'a Report,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

/// A list or map that is still open.
struct Frame {
    mark: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { map: Map, key: Option<(String, Mark)> },
}

impl Builder<'_> {
    fn build(&mut self, text: &str) -> Result<(), Refused> {
        let start = Mark { file: self.file.clone(), line: 1, column: 1 };
        if text.len() > MAX_BYTES {
            return Err(self.refuse(&start, format!("is longer than {} MiB", MAX_BYTES / 1024 / 1024)));
        }
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let mark = self.mark_of(error.marker());
                let mut problem = self.refuse(&mark, format!("is not YAML: {}", error.info()));
                problem.suggestion = advice(error.info()).map(str::to_owned);
                problem
            })?;
            let mark = self.mark(&span);
            self.event(event, mark)?;
        }
        if self.root.is_none() {
            return Err(self.refuse(&start, "is empty".to_owned()));
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Refused> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(self.refuse(&mark, "begins a second document; one file holds one".to_owned()))
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(&mark, tag.as_deref());
                let plain = style == ScalarStyle::Plain;
                let value = match &*text {
                    "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
                    _ => Value::Scalar { text: text.into_owned(), plain },
                };
                self.value(Node { mark, value }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(&mark, tag.as_deref());
                self.open(Frame { mark, anchor, content: Content::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(&mark, tag.as_deref());
                self.open(Frame { mark, anchor, content: Content::Map { map: Map::default(), key: None } })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(mark, anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, frame: Frame) -> Result<(), Refused> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(self.refuse(&frame.mark, format!("is nested more than {MAX_DEPTH} deep")));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refused> {
        let Some(Frame { mark, anchor, content }) = self.frames.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { map, .. } => Value::Map(self.merged(map)),
        };
        self.value(Node { mark, value }, anchor)
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, node: Node, anchor: usize) -> Result<(), Refused> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.refuse(&node.mark, format!("is the {MAX_NODES}th value; that is too many")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let path = self.path();
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { map, key }) => match key.take() {
                None => *key = Some(key_of(node, &path, self.report)),
                Some((key, mark)) => insert(map, Entry { key, mark, value: node }, &path, self.report),
            },
        }
        Ok(())
    }

    /// A copy of what an anchor names. The places in it stay the anchor's, because that is where it must be mended.
    fn alias(&mut self, mark: Mark, anchor: usize) -> Result<(), Refused> {
        let Some(target) = self.anchors.get(&anchor).cloned() else {
            return Err(self.refuse(&mark, "refers to an anchor that is still open".to_owned()));
        };
        let (mut nodes, mut depth) = (0, 0);
        measure(&target, 1, &mut nodes, &mut depth);
        self.nodes += nodes;
        if self.nodes > MAX_NODES || self.frames.len() + depth > MAX_DEPTH {
            return Err(self.refuse(&mark, "repeats too much by its aliases".to_owned()));
        }
        self.value(target, 0)
    }

    /// Resolves `<<`: the keys of another map, or of several, that are not set here.
    fn merged(&self, mut map: Map) -> Map {
        let Some(merge) = map.take("<<") else { return map };
        let sources = match merge.value.value {
            Value::List(items) => items,
            _ => vec![merge.value],
        };
        for source in sources {
            let Value::Map(source) = source.value else {
                let spot = Spot { mark: merge.mark.clone(), key: join(&self.path(), "<<") };
                self.report.problem(&spot, "merges something that is not a map of keys");
                continue;
            };
            for entry in source.0 {
                if map.get(&entry.key).is_none() {
                    map.0.push(entry);
                }
            }
        }
        map
    }

    /// Tags of the core schema change nothing here; any other asks for a meaning that we do not give.
    fn check_tag(&self, mark: &Mark, tag: Option<&Tag>) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema() && !tag.suffix.is_empty()) {
            let spot = Spot { mark: mark.clone(), key: self.path() };
            self.report.problem(&spot, format!("has the tag \"{tag}\", which means nothing here"));
        }
    }

    fn refuse(&self, mark: &Mark, message: String) -> Refused {
        Box::new(Problem::at(&Spot { mark: mark.clone(), key: self.path() }, message))
    }

    /// The path of what is being read.
    fn path(&self) -> String {
        self.frames.iter().fold(String::new(), |path, frame| match &frame.content {
            Content::List(items) => format!("{path}[{}]", items.len()),
            Content::Map { key: Some((key, _)), .. } => join(&path, key),
            Content::Map { .. } => path,
        })
    }

    fn mark(&self, span: &Span) -> Mark {
        self.mark_of(&span.start)
    }

    fn mark_of(&self, marker: &saphyr_parser::Marker) -> Mark {
        Mark { file: self.file.clone(), line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// What a reader's complaint mostly comes from, by words in it.
const ADVICE: &[(&str, &str)] = &[
    ("mapping values are not allowed", "check the indentation here, and the colon of the line above"),
    ("did not find expected key", "check the indentation here"),
    ("block collection", "check the indentation here"),
    ("simple key expect", "a key ends with a colon"),
    ("tabs disallowed", "indent with spaces"),
    ("unexpected character", "put the text in quotes"),
    ("unknown anchor", "a text that begins with * must be in quotes"),
    ("flow sequence", "a list that [ opens needs its commas and its ]"),
    ("flow mapping", "a map that { opens needs its commas and its }"),
    ("quoted scalar", "a quote is not closed"),
];

fn advice(complaint: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(words, _)| complaint.contains(words)).map(|(_, advice)| *advice)
}

fn key_of(node: Node, path: &str, report: &Report) -> (String, Mark) {
    match node.value {
        Value::Scalar { text, .. } => (text, node.mark),
        Value::Null => ("~".to_owned(), node.mark),
        Value::List(_) | Value::Map(_) | Value::Broken => {
            report.problem(
                &Spot { mark: node.mark.clone(), key: path.to_owned() },
                "has a key that is not a word",
            );
            (String::new(), node.mark)
        }
    }
}

/// Adds an entry; of a key that is set twice the first one counts.
fn insert(map: &mut Map, entry: Entry, path: &str, report: &Report) {
    // The path was taken while the key was pending, so it names the key.
    match map.get(&entry.key) {
        Some(first) if !entry.key.is_empty() => {
            report.add(
                Problem::at(&Spot { mark: entry.mark, key: path.to_owned() }, "is set twice")
                    .related(&first.mark, "it is first set here"),
            );
        }
        Some(_) => {}
        None => map.0.push(entry),
    }
}

fn measure(node: &Node, depth: usize, nodes: &mut usize, deepest: &mut usize) {
    *nodes += 1;
    *deepest = (*deepest).max(depth);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| measure(item, depth + 1, nodes, deepest)),
        Value::Map(map) => map.0.iter().for_each(|entry| measure(&entry.value, depth + 1, nodes, deepest)),
        Value::Null | Value::Scalar { .. } | Value::Broken => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, String) {
        let report = Report::default();
        let node = parse(&"x.yml".into(), text, &report);
        let problems = report.finish("x.yml");
        (node, problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    fn paths(text: &str) -> Vec<String> {
        let (node, problems) = read(text);
        assert_eq!(problems, "");
        let mut found = Vec::new();
        node.unwrap().walk("", &mut |path, node| {
            if let Value::Scalar { text, .. } = &node.value {
                found.push(format!("{path}={text} @{}:{}", node.mark.line, node.mark.column));
            }
        });
        found
    }

    #[test]
    fn every_value_knows_its_line_its_column_and_its_path() {
        assert_eq!(
            paths("a: 1\nb:\n  - c: x\n    d: [y, 'z']\n  - é: {f: g}\n"),
            ["a=1 @1:4", "b[0].c=x @3:8", "b[0].d[0]=y @4:9", "b[0].d[1]=z @4:12", "b[1].é.f=g @5:12"]
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved_and_own_keys_win() {
        assert_eq!(
            paths("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nagain: *b\n"),
            [
                "base.x=1 @1:14",
                "base.y=2 @1:20",
                "mine.y=3 @4:6",
                "mine.x=1 @1:14",
                "again.x=1 @1:14",
                "again.y=2 @1:20"
            ]
        );
    }

    #[test]
    fn a_key_set_twice_is_named_with_both_places() {
        let (_, problems) = read("a:\n  b: 1\n  c: 2\n  b: 3\n");
        assert_eq!(problems, "x.yml:4:3: a.b: is set twice\n    x.yml:2:3: it is first set here");
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_place() {
        for (text, start) in [
            ("a: [1", "x.yml:2:1: a"),
            ("a: 1\n b: 2\n", "x.yml:2:"),
            ("", "x.yml:1:1: is empty"),
            ("# nothing\n", "x.yml:1:1: is empty"),
            ("a: 1\n---\nb: 2\n", "x.yml:2:1: begins a second document"),
            ("a: *b", "x.yml:1:"),
        ] {
            let (node, problems) = read(text);
            assert!(node.is_none() && problems.starts_with(start), "{text:?}: {problems}");
        }
    }

    #[test]
    fn a_billion_laughs_are_cut_short() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        let (node, problems) = read(&text);
        assert!(node.is_none() && problems.contains("repeats too much"), "{problems}");
        let (node, problems) = read(&format!("{}{}", "[".repeat(100), "]".repeat(100)));
        assert!(node.is_none() && problems.contains("deep"), "{problems}");
    }

    #[test]
    fn tags_of_ones_own_and_keys_that_are_no_words_are_refused() {
        assert!(read("a: !secret x").1.contains("has the tag \"!secret\""));
        assert!(read("? [a, b]\n: c\n").1.contains("a key that is not a word"));
        assert_eq!(read("a: !!str 5").1, "");
    }
}
