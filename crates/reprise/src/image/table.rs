//! Images as text for people.

use std::fmt::Write;

use indicatif::HumanBytes;
use reprise_images::Image;

/// As much of an id as one needs to tell images apart.
const SHORT_ID: usize = 12;

/// One line per name; an image without a tag is listed by its digest.
pub fn list(images: &[Image]) -> String {
    let mut rows = vec![["NAME".to_owned(), "ID".to_owned(), "SIZE".to_owned()]];
    for image in images {
        let size = HumanBytes(image.size).to_string();
        for name in names(image) {
            rows.push([name, short_id(image).to_owned(), size.clone()]);
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (name_width, id_width) = (width(0), width(1));
    rows.iter().fold(String::new(), |mut text, [name, id, size]| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:name_width$}  {id:id_width$}  {size}");
        text
    })
}

/// Id and size.
pub fn summary(image: &Image) -> String {
    format!("{}  {}", short_id(image), HumanBytes(image.size))
}

/// Everything that matters for running the image, a field a line.
pub fn details(image: &Image) -> String {
    let config = &image.config;
    let fields = [
        ("Id", vec![image.id.to_string()]),
        ("Names", image.repo_tags.clone()),
        ("Digests", image.repo_digests.clone()),
        ("Platform", vec![format!("{}/{}", config.os(), config.architecture())]),
        ("Created", config.created().iter().cloned().collect()),
        ("Size", vec![HumanBytes(image.size).to_string()]),
        ("Built in", if image.pinned { vec!["yes".to_owned()] } else { Vec::new() }),
        ("Entrypoint", quoted(image.entrypoint())),
        ("Cmd", quoted(image.cmd())),
        ("Env", image.env().to_vec()),
        ("Workdir", given(image.working_dir())),
        ("User", given(image.user())),
        ("Stop signal", given(image.stop_signal())),
        ("Layers", image.layers.iter().map(|layer| layer.display().to_string()).collect()),
    ];
    let mut text = String::new();
    for (label, values) in fields {
        for (number, value) in values.iter().enumerate() {
            let label = if number == 0 { format!("{label}:") } else { String::new() };
            let _ = writeln!(text, "{label:13}{value}");
        }
    }
    text
}

fn names(image: &Image) -> Vec<String> {
    match (image.repo_tags.as_slice(), image.repo_digests.as_slice()) {
        ([], []) => vec!["<none>".to_owned()],
        ([], digests) => digests.to_vec(),
        (tags, _) => tags.to_vec(),
    }
}

fn short_id(image: &Image) -> &str {
    &image.id.hex()[..SHORT_ID]
}

/// A command on one line, so that arguments with spaces can be told apart.
fn quoted(words: &[String]) -> Vec<String> {
    if words.is_empty() { Vec::new() } else { vec![format!("{words:?}")] }
}

fn given(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
}
