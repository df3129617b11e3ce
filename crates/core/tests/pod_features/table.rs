//! Reads the tables of `docs/pod-features.md`: a heading per type, a row per field or way of using it.

/// What a row says of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Works,
    NothingToDo,
    Warning,
    Error,
}

#[derive(Debug, Clone)]
pub struct Row {
    /// The type.
    pub of: String,
    /// The field.
    pub field: String,
    /// How it was used: the field alone, or with a value.
    pub yaml: String,
    pub state: State,
    /// A link to a test, the words of the program, or a reason.
    pub says: String,
}

/// All rows, in order.
pub fn read(text: &str) -> Vec<Row> {
    let (mut rows, mut of) = (Vec::new(), "");
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            of = heading;
        } else if line.starts_with("| `") {
            rows.push(row(of, line));
        }
    }
    assert!(!rows.is_empty(), "no tables");
    rows
}

fn row(of: &str, line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').splitn(3, " | ").map(str::trim).collect();
    let [used, state, says] = cells[..] else { panic!("not three cells: {line}") };
    let yaml = used.trim_matches('`');
    let state = match state {
        "works" => State::Works,
        "nothing to do" => State::NothingToDo,
        "warning" => State::Warning,
        "error" => State::Error,
        other => panic!("{other:?} is no state: {line}"),
    };
    let field = yaml.split(':').next().unwrap_or(yaml);
    let says = says.trim_matches('`');
    Row { of: of.to_owned(), field: field.to_owned(), yaml: yaml.to_owned(), state, says: says.to_owned() }
}

/// Text and target of a link.
pub fn link(text: &str) -> Option<(&str, &str)> {
    let (name, target) = text.strip_prefix('[')?.split_once("](")?;
    Some((name, target.strip_suffix(')')?))
}

/// How the generated types spell a field.
pub fn snake_case(field: &str) -> String {
    let mut snake = String::new();
    let letters: Vec<char> = field.chars().collect();
    for (i, letter) in letters.iter().enumerate() {
        // Of several capitals in a row only the first begins a word: `hostIPC` is `host_ipc`.
        if letter.is_uppercase() && i > 0 && !letters[i - 1].is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    if snake == "type" { "type_".to_owned() } else { snake }
}
