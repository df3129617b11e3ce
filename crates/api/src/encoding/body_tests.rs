use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

use super::*;

const CONFIG_MAP: Wanted = Wanted::of::<ConfigMap>("", "v1", "ConfigMap");

fn decode(body: &str, validation: FieldValidation) -> Result<Decoded, String> {
    decode_body(&CONFIG_MAP, None, body.as_bytes(), validation).map_err(|error| message(&error))
}

fn message(error: &ApiError) -> String {
    error.status().message.clone().unwrap_or_default()
}

#[test]
fn unknown_fields_are_an_error_a_warning_or_nothing() {
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","foo":"x","data":{"a":"1"}}"#;
    let handled = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: ";
    assert_eq!(
        decode(body, FieldValidation::Strict),
        Err(format!("{handled}strict decoding error: unknown field \"foo\""))
    );
    let warned = decode(body, FieldValidation::Warn).unwrap();
    assert_eq!(warned.warnings, ["unknown field \"foo\""]);
    assert_eq!(warned.object["data"], json!({"a": "1"}));
    assert_eq!(warned.object.get("foo"), None);
    assert!(decode(body, FieldValidation::Ignore).unwrap().warnings.is_empty());
    let twice = r#"{"foo":1,"data":{"a":"1","a":"2"}}"#;
    assert_eq!(
        decode(twice, FieldValidation::Strict),
        Err(format!("{handled}strict decoding error: unknown field \"foo\", duplicate field \"data.a\""))
    );
}

#[test]
fn wrong_types_are_an_error_for_everybody() {
    let body = r#"{"data":{"a":1},"foo":1}"#;
    let expected = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into \
                    Go struct field ConfigMap.data of type string";
    for validation in [FieldValidation::Ignore, FieldValidation::Warn, FieldValidation::Strict] {
        assert_eq!(decode(body, validation), Err(expected.to_owned()));
    }
}

#[test]
fn kind_and_version_may_be_left_out_but_not_be_others() {
    let object = decode("{}", FieldValidation::Strict).unwrap().object;
    assert_eq!((object["kind"].as_str(), object["apiVersion"].as_str()), (Some("ConfigMap"), Some("v1")));
    let other = decode(r#"{"kind":"Pod","apiVersion":"v1"}"#, FieldValidation::Strict).unwrap_err();
    assert!(other.starts_with("Pod in version \"v1\" cannot be handled as a ConfigMap: no kind \"Pod\""), "{other}");
    assert!(decode(r#"{"apiVersion":"v2"}"#, FieldValidation::Strict).unwrap_err().contains("for version \"v2\""));
    let options = Wanted::delete_options();
    let body = br#"{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0}"#;
    let read = decode_body(&options, None, body, FieldValidation::Strict).unwrap();
    assert_eq!(read.object["gracePeriodSeconds"], 0);
}

#[test]
fn what_is_no_object_is_shown() {
    let start = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; ";
    for (body, shown) in [("", "(<empty>)"), ("{\"a\"", "({\"a\")"), ("hello", "(68656c6c6f)"), ("[]", "(5b5d)")] {
        let error = decode(body, FieldValidation::Warn).unwrap_err();
        assert!(error.starts_with(start) && error.ends_with(shown), "{error}");
    }
    assert_eq!(decode_body(&CONFIG_MAP, Some("text/csv"), b"", FieldValidation::Warn).unwrap_err().code(), 415);
}

#[test]
fn yaml_is_read_and_restart_rules_may_have_the_published_spelling() {
    let pod = "
kind: Pod
spec:
  containers:
  - name: c
    restartPolicyRules: [{action: RestartAllContainers, onExit: {exitCodes: {operator: In, values: [88]}}}]
";
    let wanted = Wanted::of::<Pod>("", "v1", "Pod");
    let read = decode_body(&wanted, Some("application/yaml"), pod.as_bytes(), FieldValidation::Strict).unwrap();
    let rule = &read.object["spec"]["containers"][0]["restartPolicyRules"][0];
    assert_eq!(rule["exitCodes"]["values"], json!([88]));
    assert_eq!(read.warnings.len(), 1);
}
