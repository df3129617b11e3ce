//! What libFuzzer says, in a line.

use std::fmt;

/// What a run came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    executions: Option<u64>,
    /// Places in the code that were reached.
    places: Option<u64>,
    new_inputs: Option<u64>,
    /// The file with an input that the target falls over.
    pub find: Option<String>,
}

impl Report {
    pub fn read(words: &str) -> Self {
        let mut report = Self::default();
        for line in words.lines() {
            if let Some(number) = statistic(line, "stat::number_of_executed_units:") {
                report.executions = Some(number);
            } else if let Some(number) = statistic(line, "stat::new_units_added:") {
                report.new_inputs = Some(number);
            } else if let Some((_, path)) = line.split_once("Test unit written to ") {
                report.find = Some(path.trim().to_owned());
            } else if let Some((_, rest)) = line.split_once(" cov: ") {
                report.places = rest.split(' ').next().and_then(|number| number.parse().ok()).or(report.places);
            }
        }
        report
    }
}

fn statistic(line: &str, name: &str) -> Option<u64> {
    line.strip_prefix(name)?.trim().parse().ok()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
        let (executions, places, inputs) = (number(self.executions), number(self.places), number(self.new_inputs));
        write!(f, "{executions} executions, {places} places reached, {inputs} new inputs")
    }
}

/// The end of it, where the reason is.
pub fn last_lines(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzers_words_are_understood() {
        let words = "#2\tINITED cov: 12 ft: 13 corp: 1/1b\n#99\tNEW    cov: 34 ft: 35 corp: 2/2b\n\
            stat::number_of_executed_units: 1234\nstat::new_units_added:          5\n\
            artifact_prefix='x/'; Test unit written to x/crash-1\n";
        let expected = Report {
            executions: Some(1234),
            places: Some(34),
            new_inputs: Some(5),
            find: Some("x/crash-1".to_owned()),
        };
        assert_eq!(Report::read(words), expected);
        assert_eq!(Report::read("").to_string(), "? executions, ? places reached, ? new inputs");
    }
}
