//! Prometheus' text format, version 0.0.4.

use std::fmt::Write;

/// What a scrape answers with.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that grows by metrics.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

/// A label's name and its value.
pub(crate) type Label<'a> = (&'a str, &'a str);

impl Text {
    /// Begins a metric.
    pub(crate) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// One value of it.
    pub(crate) fn sample(&mut self, name: &str, labels: &[Label<'_>], value: f64) {
        let named = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let labels = named.collect::<Vec<String>>().join(",");
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{labels}}} {value}"));
        }
    }

    /// A metric of one value that is taken when it is asked for.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// The whole text.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{line}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted_and_numbers_are_as_short_as_they_can_be() {
        let mut text = Text::default();
        text.head("m", "counter", "All\nof it");
        text.sample("m", &[("a", "x\"y\\z\n"), ("b", "")], 3.0);
        text.sample("m", &[], 0.25);
        let expected = "# HELP m All\\nof it\n# TYPE m counter\nm{a=\"x\\\"y\\\\z\\n\",b=\"\"} 3\nm 0.25\n";
        assert_eq!(text.into_string(), expected);
    }
}
