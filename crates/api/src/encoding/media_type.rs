//! What a `Content-Type` says of a body.

use crate::status::ApiError;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEncoding {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Kubernetes' protobuf.
    Protobuf,
}

/// The encodings of bodies, as errors list them.
const ENCODINGS: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// How a body is written that has this `Content-Type`. Clients that send none mean JSON.
///
/// # Errors
/// 415 for everything else.
pub fn body_encoding(content_type: Option<&str>) -> Result<BodyEncoding, ApiError> {
    match essence(content_type.unwrap_or_default()).as_str() {
        "" | "application/json" => Ok(BodyEncoding::Json),
        "application/yaml" => Ok(BodyEncoding::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(BodyEncoding::Protobuf),
        _ => Err(unsupported(ENCODINGS)),
    }
}

/// 415. `accepted` is what the request could have been.
pub(crate) fn unsupported(accepted: &str) -> ApiError {
    let message =
        format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    ApiError::new(415, "UnsupportedMediaType", message)
}

/// A media type without its parameters, in small letters.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_letter_case_do_not_matter_and_nothing_means_json() {
        assert_eq!(body_encoding(None), Ok(BodyEncoding::Json));
        assert_eq!(body_encoding(Some("Application/JSON; charset=utf-8")), Ok(BodyEncoding::Json));
        assert_eq!(body_encoding(Some("application/vnd.kubernetes.protobuf")), Ok(BodyEncoding::Protobuf));
        assert_eq!(body_encoding(Some("application/yaml")), Ok(BodyEncoding::Yaml));
        assert_eq!(body_encoding(Some("text/plain")).unwrap_err().code(), 415);
    }
}
