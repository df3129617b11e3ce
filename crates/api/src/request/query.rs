//! The query of a request.

use crate::status::ApiError;

/// The parameters of a query, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query. Some clients begin it with `&`, or send nothing but the question mark.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.trim_start_matches(['?', '&']).as_bytes());
        Self(pairs.filter(|(name, _)| !name.is_empty()).map(|(n, v)| (n.into_owned(), v.into_owned())).collect())
    }

    /// The value of a parameter; the first, if it is there several times; empty if it is not there.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default()
    }

    /// The value of a parameter that is there.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A switch: absent and `0` or `false` are off, an empty value is on, as in Go's decoder of parameters.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        match self.given(name) {
            None => false,
            Some(value) => !matches!(value, "0" | "false" | "False" | "FALSE" | "f" | "F"),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.text(name) {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!(
                    "strconv.ParseInt: parsing {digits:?}: invalid syntax (parameter {name})"
                ))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_get_wrong_about_queries_is_taken() {
        assert_eq!(Query::parse("&limit=5").number("limit").unwrap(), Some(5));
        assert_eq!(Query::parse(""), Query::default());
        assert_eq!(Query::parse("?&"), Query::default());
        let query = Query::parse("command=sh&command=-c&stdin=true&tty=0&labelSelector=a%20in%20%28b%29");
        assert_eq!(query.all("command").collect::<Vec<_>>(), ["sh", "-c"]);
        assert!(query.flag("stdin") && !query.flag("tty") && !query.flag("stdout"));
        assert_eq!(query.text("labelSelector"), "a in (b)");
        assert_eq!(Query::parse("limit=x").number("limit").unwrap_err().code(), 400);
    }
}
