//! Which form an answer has: what `Accept` asks for, as far as it is there.

use super::media_type::essence;
use crate::status::ApiError;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerEncoding {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// What an answer shows of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All of them.
    Whole,
    /// A `Table` of `meta.k8s.io/v1`, as `kubectl get` prints it.
    Table,
    /// Metadata alone: `PartialObjectMetadata`, or `PartialObjectMetadataList`.
    Metadata,
    /// All kinds in one document: `APIGroupDiscoveryList` of `apidiscovery.k8s.io/v2`.
    AggregatedDiscovery,
}

impl Form {
    /// As `Accept` names it: kind, group and version.
    fn of(kind: &str, group: &str, version: &str) -> Option<Self> {
        match (kind, group, version) {
            ("Table", "meta.k8s.io", "v1") => Some(Self::Table),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => Some(Self::Metadata),
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => Some(Self::AggregatedDiscovery),
            _ => None,
        }
    }
}

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// How it is written.
    pub encoding: AnswerEncoding,
    /// What it shows.
    pub form: Form,
}

impl Accepted {
    /// The `Content-Type` of the answer.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match (self.encoding, self.form) {
            (AnswerEncoding::Yaml, _) => "application/yaml",
            (AnswerEncoding::Json, Form::AggregatedDiscovery) => {
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            }
            (AnswerEncoding::Json, _) => "application/json",
        }
    }
}

/// Chooses among what `accept` takes, the most wanted first. `forms` are those that there are at this path beside whole
/// objects. Clients that send no `Accept` take JSON.
///
/// # Errors
/// 406 if nothing of it is there, as for who takes protobuf alone.
pub fn negotiate(accept: Option<&str>, forms: &[Form]) -> Result<Accepted, ApiError> {
    let accept = accept.map(str::trim).filter(|accept| !accept.is_empty()).unwrap_or("application/json");
    let mut clauses: Vec<Clause<'_>> = accept.split(',').map(Clause::parse).collect();
    // The sort is stable: what is wanted equally much stays in the client's order.
    clauses.sort_by_key(|clause| std::cmp::Reverse(clause.quality));
    clauses.iter().find_map(|clause| clause.accepted(forms)).ok_or_else(|| {
        let message = "only the following media types are accepted: application/json, application/yaml";
        ApiError::new(406, "NotAcceptable", message)
    })
}

/// One of the alternatives.
struct Clause<'a> {
    media_type: String,
    /// From 0 to 1000.
    quality: u32,
    /// Kind, group and version.
    form: Option<[&'a str; 3]>,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut clause = Self { media_type: essence(text), quality: 1000, form: None };
        for parameter in text.split(';').skip(1) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "q" => clause.quality = thousandths(value),
                "as" => clause.form.get_or_insert_default()[0] = value,
                "g" => clause.form.get_or_insert_default()[1] = value,
                "v" => clause.form.get_or_insert_default()[2] = value,
                // Others, such as charset and stream, change nothing here.
                _ => {}
            }
        }
        clause
    }

    fn accepted(&self, forms: &[Form]) -> Option<Accepted> {
        let encoding = match self.media_type.as_str() {
            "application/json" | "application/*" | "*/*" => AnswerEncoding::Json,
            "application/yaml" => AnswerEncoding::Yaml,
            _ => return None,
        };
        if self.quality == 0 {
            return None;
        }
        let form = match self.form {
            None => Form::Whole,
            Some([kind, group, version]) => Form::of(kind, group, version).filter(|form| forms.contains(form))?,
        };
        Some(Accepted { encoding, form })
    }
}

fn thousandths(quality: &str) -> u32 {
    let quality: f64 = quality.parse().unwrap_or(0.0);
    // Between 0 and 1000, so nothing is cut off but what is behind the point.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let thousandths = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTS: &[Form] = &[Form::Table, Form::Metadata];

    fn form(accept: &str, forms: &[Form]) -> Option<Form> {
        negotiate(Some(accept), forms).ok().map(|accepted| accepted.form)
    }

    #[test]
    fn kubectl_gets_tables_where_there_are_some() {
        let get = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(form(get, OBJECTS), Some(Form::Table));
        assert_eq!(form(get, &[]), Some(Form::Whole));
        let old = "application/json;as=Table;v=v1beta1;g=meta.k8s.io";
        assert_eq!(form(old, OBJECTS), None);
    }

    #[test]
    fn discovery_is_aggregated_for_who_asks_and_says_so() {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let accepted = negotiate(Some(accept), &[Form::AggregatedDiscovery]).unwrap();
        assert_eq!(accepted.form, Form::AggregatedDiscovery);
        assert_eq!(accepted.content_type(), "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    }

    #[test]
    fn protobuf_is_passed_over_and_alone_not_acceptable() {
        let both = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(form(both, OBJECTS), Some(Form::Whole));
        let error = negotiate(Some("application/vnd.kubernetes.protobuf"), OBJECTS).unwrap_err();
        assert_eq!((error.code(), error.status().reason.as_deref()), (406, Some("NotAcceptable")));
        let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                        application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(form(metadata, OBJECTS), Some(Form::Metadata));
    }

    #[test]
    fn the_most_wanted_is_first_and_everything_means_json() {
        let json = Accepted { encoding: AnswerEncoding::Json, form: Form::Whole };
        for accept in [None, Some(""), Some("*/*"), Some("text/html, */*;q=0.1"), Some("application/json;stream=watch")]
        {
            assert_eq!(negotiate(accept, OBJECTS), Ok(json), "{accept:?}");
        }
        let yaml = negotiate(Some("application/json;q=0.5, application/yaml"), OBJECTS).unwrap();
        assert_eq!((yaml.encoding, yaml.content_type()), (AnswerEncoding::Yaml, "application/yaml"));
        assert!(negotiate(Some("application/json;q=0"), OBJECTS).is_err());
    }
}
