//! YAML text to nodes, one document at a time.
//!
//! Aliases are copied where they are used, within a budget, so that a few lines cannot grow into gigabytes.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Node, Position, Value};
use super::scalar;

/// Nodes that one document may have; a Pod has a few hundred.
const MAX_NODES: usize = 200_000;
/// Levels that one document may have; a Pod has about fifteen.
const MAX_DEPTH: usize = 100;

/// A YAML text that cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub at: Position,
    pub text: String,
}

/// The documents of a text in order, up to the first syntax error. An empty document is `Null`.
pub(super) fn documents(text: &str) -> (Vec<Node>, Option<SyntaxError>) {
    let parser = Parser::new_from_str_with_options(text, options());
    let mut composer = Composer { parser, anchors: HashMap::new(), nodes: 0 };
    let mut documents = Vec::new();
    loop {
        match composer.next_document() {
            Ok(Some(node)) => documents.push(node),
            Ok(None) => return (documents, None),
            Err(error) => return (documents, Some(error)),
        }
    }
}

/// Comments are no events: another crate of the program may have switched the parser's feature for them on.
fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options
}

struct Composer<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Composer<'t> {
    fn next_document(&mut self) -> Result<Option<Node>, SyntaxError> {
        loop {
            match self.next()? {
                Some((Event::DocumentStart(..), _)) => {
                    self.anchors.clear();
                    self.nodes = 0;
                    let (event, span) = self.next_node_event()?;
                    return self.node(event, span, 0).map(Some);
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, SyntaxError> {
        match self.parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(scan_error(&error)),
        }
    }

    /// The next event that is part of the document's content.
    fn next_node_event(&mut self) -> Result<(Event<'t>, Span), SyntaxError> {
        loop {
            match self.next()? {
                Some((Event::StreamStart | Event::Anchor(..), _)) => {}
                Some(event) => return Ok(event),
                None => return Err(self.too_short()),
            }
        }
    }

    fn too_short(&self) -> SyntaxError {
        SyntaxError { at: Position { line: 1, column: 1 }, text: "the document ends too early".to_owned() }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        let at = position(&span);
        self.count(1, at)?;
        if depth > MAX_DEPTH {
            return Err(SyntaxError { at, text: format!("nested more than {MAX_DEPTH} levels deep") });
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, scalar_value(&text, style, tag.as_deref())),
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::UnresolvedAlias(name) => {
                return Err(SyntaxError { at, text: format!("alias *{name} has no anchor") });
            }
            _ => return Err(SyntaxError { at, text: "a value is missing".to_owned() }),
        };
        let node = Node { value, at: Some(at) };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node, SyntaxError> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(SyntaxError { at, text: "an alias may not stand inside of what it names".to_owned() });
        };
        self.count(size(&node), at)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let text = format!("the document has more than {MAX_NODES} values, those of aliases included");
            return Err(SyntaxError { at, text });
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next_node_event()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        loop {
            let (event, span) = match self.next_node_event()? {
                (Event::MappingEnd, _) => break,
                other => other,
            };
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let at = position(&span);
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next_node_event()?;
            let value = self.node(event, span, depth + 1)?;
            if merge {
                merged.extend(merged_entries(value, at)?);
            } else {
                entries.push((key_text(&key, at)?, value));
            }
        }
        let mut known: HashSet<String> = entries.iter().map(|(key, _)| key.clone()).collect();
        for (key, value) in merged {
            if known.insert(key.clone()) {
                entries.push((key, value));
            }
        }
        Ok(Value::Map(entries))
    }
}

/// What `<<` brings in: the entries of a map, or of several where the first one wins.
fn merged_entries(node: Node, at: Position) -> Result<Vec<(String, Node)>, SyntaxError> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let maps: Result<Vec<_>, _> = items.into_iter().map(|item| merged_entries(item, at)).collect();
            Ok(maps?.into_iter().flatten().collect())
        }
        _ => Err(SyntaxError { at, text: "<< needs a map or a list of maps".to_owned() }),
    }
}

/// A key as JSON has it: always text.
fn key_text(key: &Node, at: Position) -> Result<String, SyntaxError> {
    match &key.value {
        Value::Text(text) | Value::Number(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null => Ok("null".to_owned()),
        Value::List(_) | Value::Map(_) => Err(SyntaxError { at, text: "a key must be a text".to_owned() }),
    }
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    match tag.and_then(Tag::core_suffix) {
        Some("str" | "binary") => Value::Text(text.to_owned()),
        Some(_) => scalar::resolve(text),
        None if style == ScalarStyle::Plain && tag.is_none() => scalar::resolve(text),
        None => Value::Text(text.to_owned()),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
        _ => 1,
    }
}

fn position(span: &Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn scan_error(error: &ScanError) -> SyntaxError {
    let marker = error.marker();
    SyntaxError { at: Position { line: marker.line(), column: marker.col() + 1 }, text: error.info() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let (mut documents, error) = documents(text);
        assert_eq!((documents.len(), error), (1, None), "{text}");
        documents.remove(0)
    }

    #[test]
    fn documents_come_one_by_one_and_empty_ones_are_null() {
        let (documents, error) = documents("# only a comment\n---\na: 1\n---\n---\n- x\n...\n");
        assert_eq!(error, None);
        let kinds: Vec<&str> = documents.iter().map(Node::json_kind).collect();
        assert_eq!(kinds, ["object", "null", "array"]);
        assert_eq!(super::documents("").0.len(), 0);
    }

    #[test]
    fn comments_may_stand_anywhere() {
        let text = "# top\na: # of a\n  # in a\n  - 1 # one\n  # between\n  - 2\n# b's\nb: {x: 1} # end\n# last\n";
        assert_eq!(one(text), one("\na:\n\n  - 1\n\n  - 2\n\nb: {x: 1}\n"));
    }

    #[test]
    fn keys_may_come_twice_and_values_know_their_place() {
        let node = one("a: 1\nb:\n  c: x\na: 2\n");
        assert_eq!(node.entries().len(), 3);
        assert_eq!(node.get("a").map(|node| node.at), Some(Some(Position { line: 4, column: 4 })));
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let node = one("base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\nsame: *b\n");
        let used = node.get("use").unwrap();
        assert_eq!(used.get("x").unwrap().value, Value::Number("1".to_owned()));
        assert_eq!(used.get("z").unwrap().value, Value::Number("3".to_owned()));
        assert_eq!(node.get("same").unwrap().entries().len(), 2);
    }

    #[test]
    fn quotes_and_tags_make_text() {
        for text in ["\"yes\"", "'1'", "!!str 1", "|\n  1\n"] {
            assert!(one(&format!("a: {text}")).get("a").unwrap().text().is_some(), "{text}");
        }
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..8 {
            let alias = format!("*a{}", i - 1);
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![alias; 10].join(", ")));
        }
        let (_, error) = documents(&text);
        assert!(error.unwrap().text.contains("more than 200000 values"));
    }

    #[test]
    fn too_deep_is_refused() {
        let (_, error) = documents(&"[".repeat(5000));
        assert!(error.is_some());
    }

    #[test]
    fn syntax_errors_have_line_and_column() {
        let (documents, error) = documents("a: 1\n---\nb: [1, 2\nc: }\n");
        assert_eq!(documents.len(), 1);
        let error = error.unwrap();
        assert!(error.at.line >= 3 && error.at.column >= 1 && !error.text.is_empty(), "{error:?}");
    }
}
