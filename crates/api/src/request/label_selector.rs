//! Label selectors as queries have them: `app=web,tier notin (a, b),!old`.

use crate::status::ApiError;

/// What the labels of an object must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads a selector; the empty text selects everything.
    ///
    /// # Errors
    /// 400 for a text that is none.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut reader = Reader { rest: text.trim_start(), whole: text };
        let mut requirements = Vec::new();
        while !reader.rest.is_empty() {
            requirements.push(reader.requirement()?);
            if !reader.rest.is_empty() {
                reader.expect(',')?;
            }
        }
        Ok(Self(requirements))
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether labels are so. `label` gives the value of one.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = label(&requirement.key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.operator {
                Operator::Exists => value.is_some(),
                Operator::Missing => value.is_none(),
                Operator::In(values) => value.is_some_and(|value| values.iter().any(|known| known == value)),
                Operator::NotIn(values) => value.is_none_or(|value| values.iter().all(|known| known != value)),
                Operator::Greater(bound) => number().is_some_and(|number| number > *bound),
                Operator::Less(bound) => number().is_some_and(|number| number < *bound),
            }
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, problem: &str) -> Result<T, ApiError> {
        Err(ApiError::bad_request(format!("unable to parse requirement: {problem} in {:?}", self.whole)))
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest.strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        if found.is_some() {
            self.skip_space();
        }
        found.is_some()
    }

    fn expect(&mut self, character: char) -> Result<(), ApiError> {
        if self.take(character.encode_utf8(&mut [0; 4])) {
            return Ok(());
        }
        self.wrong(&format!("found {:?}, expected {character:?}", self.rest.chars().next().unwrap_or(' ')))
    }

    /// Letters up to whatever means something; may be empty.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| "=!,()<>".contains(c) || c.is_whitespace()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.skip_space();
        word
    }

    fn key(&mut self) -> Result<String, ApiError> {
        let key = self.word();
        let name = key.rsplit('/').next().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if name.is_empty() || name.len() > 63 || !key.chars().all(fits) {
            return self.wrong(&format!("invalid label key {key:?}"));
        }
        Ok(key.to_owned())
    }

    fn value(&mut self) -> Result<String, ApiError> {
        let value = self.word();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if value.len() > 63 || !value.chars().all(fits) {
            return self.wrong(&format!("invalid label value {value:?}"));
        }
        Ok(value.to_owned())
    }

    fn requirement(&mut self) -> Result<Requirement, ApiError> {
        if self.take("!") {
            return Ok(Requirement { key: self.key()?, operator: Operator::Missing });
        }
        let key = self.key()?;
        let operator = self.operator()?;
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self) -> Result<Operator, ApiError> {
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(Operator::Exists);
        }
        if self.take("!=") {
            return Ok(Operator::NotIn(vec![self.value()?]));
        }
        if self.take("==") || self.take("=") {
            return Ok(Operator::In(vec![self.value()?]));
        }
        if self.take(">") {
            return self.number().map(Operator::Greater);
        }
        if self.take("<") {
            return self.number().map(Operator::Less);
        }
        match self.word() {
            "in" => self.values().map(Operator::In),
            "notin" => self.values().map(Operator::NotIn),
            other => self.wrong(&format!("found {other:?}, expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn number(&mut self) -> Result<i64, ApiError> {
        let value = self.value()?;
        value
            .parse()
            .or_else(|_| self.wrong(&format!("for 'Gt', 'Lt' operators, the value must be an integer, not {value:?}")))
    }

    fn values(&mut self) -> Result<Vec<String>, ApiError> {
        self.expect('(')?;
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
        }
        self.expect(')')?;
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str) -> bool {
        LabelSelector::parse(selector).unwrap().matches(|key| match key {
            "app" => Some("web"),
            "n" => Some("5"),
            "example.com/x" => Some(""),
            _ => None,
        })
    }

    #[test]
    fn every_form_of_a_requirement_is_understood() {
        for selector in [
            "",
            "app",
            "app=web",
            "app==web",
            "app!=db",
            "app in (db, web)",
            "app notin (db)",
            "!old",
            "n>4",
            "n<6",
            "example.com/x",
            "example.com/x=",
            "app = web , n",
            "none!=x",
            "none notin (x)",
            "app in (web),n",
        ] {
            assert!(selects(selector), "{selector}");
        }
        for selector in ["old", "app=db", "app!=web", "app notin (web,x)", "!app", "n>5", "none=x", "app=web,n=6"] {
            assert!(!selects(selector), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["=", "a in", "a in (b", "a b", "a=b c", ",", "a>x", "a=b=c", "!"] {
            assert_eq!(LabelSelector::parse(text).unwrap_err().code(), 400, "{text}");
        }
    }
}
