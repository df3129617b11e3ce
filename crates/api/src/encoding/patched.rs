//! What came of a patch to an object again, and what is applied.

use reprise_core::field::BadValue;
use reprise_core::manifest::{Problem, ProblemKind, Tree};
use serde_json::{Map, Value};

use super::body::Decoded;
use super::problems::judge_strict;
use super::wanted::Wanted;
use crate::request::FieldValidation;
use crate::status::ApiError;

/// Reads a patch in JSON: its value, and what strict decoding finds in it (keys that come twice).
///
/// # Errors
/// 400 if it is no JSON.
pub fn read_patch(body: &[u8]) -> Result<(Value, Vec<String>), ApiError> {
    let unreadable = |why: &str| ApiError::bad_request(format!("error decoding patch: {why}"));
    let text = std::str::from_utf8(body).map_err(|_| unreadable("invalid UTF-8"))?;
    let tree = Tree::from_json(text).map_err(|problem| unreadable(&problem.text))?;
    let found = tree.duplicates().into_iter().map(|path| format!("duplicate field \"{path}\"")).collect();
    Ok((tree.value(), found))
}

/// Reads the object that a patch made of `current`. `shown` gives the patch as the error shows it; `found` is what strictness
/// found in the patch itself.
///
/// # Errors
/// 422 if it is no such object any more, or has what `validation` forbids.
pub fn decode_patched(
    wanted: &Wanted,
    current: Option<&Value>,
    patched: &Value,
    shown: &dyn Fn() -> String,
    found: Vec<String>,
    validation: FieldValidation,
) -> Result<Decoded, ApiError> {
    if let Some(current) = current.filter(|_| found.is_empty()) {
        let (settled, rest) = Settled::of(patched, current);
        let reading = (wanted.read)(&Tree::from_value(&rest));
        // What is wrong is told of the whole.
        if let (Some(mut object), true) = (reading.object, reading.problems.is_empty()) {
            settled.put_into(&mut object);
            return Ok(Decoded { object, warnings: Vec::new() });
        }
    }
    let refuse = |why: String| invalid_patch(&shown(), &why);
    let mut tree = Tree::from_value(patched);
    let (mut warnings, spelling) =
        if wanted.kind == "Pod" { tree.use_released_spelling() } else { (Vec::new(), Vec::new()) };
    let reading = (wanted.read)(&tree);
    let problems: Vec<Problem> = spelling.into_iter().chain(reading.problems).collect();
    if let Some(problem) = problems.iter().find(|problem| !problem.is_strict()) {
        return Err(refuse(problem.text.clone()));
    }
    let strict = found.into_iter().chain(problems.into_iter().map(|problem| problem.text)).collect();
    warnings.extend(judge_strict(strict, validation).map_err(refuse)?);
    let object = reading.object.ok_or_else(|| refuse("it can't be read".to_owned()))?;
    Ok(Decoded { object, warnings })
}

/// What a patch has left as it is stored: it was read before, and is the larger part of most objects.
struct Settled<'v> {
    fields: Vec<(&'v str, &'v Value)>,
    managed: Option<&'v Value>,
}

const METADATA: &str = "metadata";
const MANAGED_FIELDS: &str = "managedFields";

impl<'v> Settled<'v> {
    /// And the rest.
    fn of(patched: &'v Value, current: &Value) -> (Self, Value) {
        let mut settled = Self { fields: Vec::new(), managed: None };
        let mut rest = Map::new();
        for (name, value) in patched.as_object().into_iter().flatten() {
            if matches!(name.as_str(), "spec" | "status") && current.get(name) == Some(value) {
                settled.fields.push((name, value));
            } else if let (METADATA, Some(metadata)) = (name.as_str(), value.as_object()) {
                let managed = metadata.get(MANAGED_FIELDS);
                let of_current = current.get(METADATA).and_then(|metadata| metadata.get(MANAGED_FIELDS));
                settled.managed = managed.filter(|_| managed == of_current);
                let is_settled = |name: &str| name == MANAGED_FIELDS && settled.managed.is_some();
                let others = metadata.iter().filter(|(name, _)| !is_settled(name));
                let others = others.map(|(name, value)| (name.clone(), value.clone()));
                rest.insert(name.clone(), Value::Object(others.collect()));
            } else {
                rest.insert(name.clone(), value.clone());
            }
        }
        (settled, Value::Object(rest))
    }

    fn put_into(self, object: &mut Value) {
        for (name, value) in self.fields {
            object[name] = value.clone();
        }
        if let Some(managed) = self.managed {
            object[METADATA][MANAGED_FIELDS] = managed.clone();
        }
    }
}

/// Reads what is to be applied. It stays as it was written: a field that is null or empty means something there.
///
/// # Errors
/// 400 for what can't be read or is another kind, 500 (as the API server) for what does not fit the kind's type.
pub fn decode_applied(wanted: &Wanted, body: &[u8], validation: FieldValidation) -> Result<Decoded, ApiError> {
    let unreadable = |why: &str| ApiError::bad_request(format!("error decoding patch: {why}"));
    let text = std::str::from_utf8(body).map_err(|_| unreadable("invalid UTF-8"))?;
    let mut tree = Tree::from_yaml(text).map_err(|problem| unreadable(&problem.text))?;
    let (group, version) = split(tree.text("apiVersion").unwrap_or_default());
    let kind = tree.text("kind").unwrap_or_default();
    if !tree.is_object() || (group, version, kind) != (wanted.group, wanted.version, wanted.kind) {
        return Err(ApiError::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")));
    }
    let (mut warnings, spelling) =
        if wanted.kind == "Pod" { tree.use_released_spelling() } else { (Vec::new(), Vec::new()) };
    let (duplicates, misfits): (Vec<Problem>, Vec<Problem>) = spelling
        .into_iter()
        .chain((wanted.read)(&tree).problems)
        .partition(|problem| problem.kind == ProblemKind::DuplicateField);
    let object = tree.value();
    if !misfits.is_empty() {
        return Err(untyped(wanted, &object, &misfits));
    }
    let duplicates = duplicates.into_iter().map(|problem| problem.text).collect();
    let strict = |why: String| ApiError::bad_request(format!("error strict decoding patch: {why}"));
    warnings.extend(judge_strict(duplicates, validation).map_err(strict)?);
    Ok(Decoded { object, warnings })
}

/// What does not fit the type of what is applied.
fn untyped(wanted: &Wanted, object: &Value, misfits: &[Problem]) -> ApiError {
    let each = |problem: &Problem| match problem.kind {
        ProblemKind::UnknownField => format!(".{}: field not declared in schema", problem.field),
        _ => format!(".{}: {}", problem.field, problem.text),
    };
    let why = match misfits {
        [one] => each(one),
        many => format!(
            "errors:\n{}",
            many.iter().map(|problem| format!("  {}", each(problem))).collect::<Vec<_>>().join("\n")
        ),
    };
    let meta = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let of = format!("{}/{}, Kind={}", wanted.group, wanted.version, wanted.kind);
    let message = format!("failed to create typed patch object ({}/{}; {of}): {why}", meta("namespace"), meta("name"));
    ApiError::new(500, "", message)
}

fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// 422 for a patch that made something that is no such object.
fn invalid_patch(shown: &str, why: &str) -> ApiError {
    let value = BadValue::from(shown);
    let body = format!("Invalid value: {value}: {why}");
    ApiError::new(422, "Invalid", format!(" \"\" is invalid: patch: {body}")).because(
        "FieldValueInvalid",
        &body,
        "patch",
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use serde_json::json;

    use super::*;

    const CONFIG_MAP: Wanted = Wanted::of::<ConfigMap>("", "v1", "ConfigMap");

    fn message(error: ApiError) -> (u16, String) {
        (error.code(), error.status().message.clone().unwrap_or_default())
    }

    #[test]
    fn keys_that_come_twice_in_a_patch_are_found() {
        let (patch, found) = read_patch(br#"{"data":{"a":"1","a":"2"}}"#).unwrap();
        assert_eq!((patch, found), (json!({"data": {"a": "2"}}), vec!["duplicate field \"data.a\"".to_owned()]));
        assert_eq!(read_patch(b"{").unwrap_err().code(), 400);
    }

    #[test]
    fn a_patched_object_is_read_as_strictly_as_a_new_one() {
        let patched = json!({"metadata": {"name": "a"}, "foo": 1});
        let shown = || "{\"foo\":1}".to_owned();
        let current = json!({"metadata": {"name": "a"}});
        let decode = |validation| decode_patched(&CONFIG_MAP, Some(&current), &patched, &shown, Vec::new(), validation);
        let expected =
            " \"\" is invalid: patch: Invalid value: \"{\\\"foo\\\":1}\": strict decoding error: unknown field \"foo\"";
        assert_eq!(decode(FieldValidation::Strict).map_err(message), Err((422, expected.to_owned())));
        assert_eq!(decode(FieldValidation::Warn).unwrap().warnings, ["unknown field \"foo\""]);
        assert!(decode(FieldValidation::Ignore).unwrap().warnings.is_empty());
    }

    #[test]
    fn what_a_patch_leaves_alone_stays_and_the_rest_is_read() {
        let wanted = Wanted::of::<Pod>("", "v1", "Pod");
        let current = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "managedFields": [{"manager": "a"}]},
            "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Pending"}});
        let decode = |patched: &Value| {
            let shown = || "patch".to_owned();
            decode_patched(&wanted, Some(&current), patched, &shown, Vec::new(), FieldValidation::Strict)
        };
        let mut patched = current.clone();
        patched["metadata"]["labels"] = json!({"a": "b"});
        patched["status"] = json!({"phase": "Running", "message": null});
        let mut expected = patched.clone();
        expected["status"] = json!({"phase": "Running"});
        assert_eq!(decode(&patched).unwrap().object, expected);
        patched["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1000m"}});
        assert_eq!(decode(&patched).unwrap().object["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
        patched["status"]["phas"] = json!("x");
        assert_eq!(decode(&patched).unwrap_err().code(), 422);
    }

    #[test]
    fn what_is_applied_stays_as_written_and_must_fit() {
        let apply = |text: &str| {
            decode_applied(&CONFIG_MAP, text.as_bytes(), FieldValidation::Strict)
                .map(|decoded| decoded.object)
                .map_err(message)
        };
        let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: ns}\n";
        assert_eq!(apply(&format!("{head}data: {{a: null}}")).unwrap()["data"], json!({"a": null}));
        let unknown =
            "failed to create typed patch object (ns/m; /v1, Kind=ConfigMap): .foo: field not declared in schema";
        assert_eq!(apply(&format!("{head}foo: 1")), Err((500, unknown.to_owned())));
        let twice = "error strict decoding patch: strict decoding error: duplicate field \"data.a\"";
        assert_eq!(apply(&format!("{head}data: {{a: x, a: z}}")), Err((400, twice.to_owned())));
        assert_eq!(apply("kind: Pod"), Err((400, "invalid object type: /, Kind=Pod".to_owned())));
    }
}
