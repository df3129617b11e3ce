use super::*;
use crate::manifest::{Object, decode};

fn admitted(text: &str) -> Result<ApiObject, Vec<String>> {
    admitted_over(text, None)
}

fn admitted_over(text: &str, old: Option<&ApiObject>) -> Result<ApiObject, Vec<String>> {
    let mut documents = decode("f.yaml", text);
    let object = documents.remove(0).outcome.map(|object| match object {
        Object::Other(object) => *object,
        Object::Pod(_) => panic!("a Pod"),
    });
    let fresh = Fresh { uid: "u".to_owned(), suffix: "abcde".to_owned(), now: jiff::Timestamp::UNIX_EPOCH };
    let admitted = admit_object(object, &fresh);
    let admitted = admitted.and_then(|object| match old {
        Some(old) => replace_object(object, old),
        None => Ok(object),
    });
    admitted.map_err(|rejection| rejection.messages())
}

fn of(kind: &str, rest: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: o}}\n{rest}")
}

fn errors(kind: &str, rest: &str) -> Vec<String> {
    admitted(&of(kind, rest)).err().unwrap_or_default()
}

#[test]
fn string_data_wins_over_data_and_a_secret_is_opaque_unless_it_says_otherwise() {
    let Ok(ApiObject::Secret(secret)) =
        admitted(&of("Secret", "data: {a: eA==, b: \"e\\nQ==\"}\nstringData: {a: new}\n"))
    else {
        panic!()
    };
    let data = secret.data.unwrap();
    assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (&b"new"[..], &b"y"[..]));
    assert_eq!((secret.type_.as_deref(), secret.string_data), (Some("Opaque"), None));
    assert_eq!(secret.metadata.namespace.as_deref(), Some("default"));
}

#[test]
fn keys_and_sizes_are_those_that_the_api_server_takes() {
    let message = "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters";
    assert!(errors("ConfigMap", "data: {'a b': x}")[0].starts_with(message));
    assert_eq!(
        errors("ConfigMap", "data: {a: x}\nbinaryData: {a: eA==}"),
        [
            "data[a]: Invalid value: \"a\": duplicate of key present in binaryData",
            "binaryData[a]: Invalid value: \"a\": duplicate of key present in data"
        ]
    );
    let large = format!("data: {{a: {}}}", "x".repeat(1024 * 1024 + 1));
    assert!(errors("ConfigMap", &large)[0].ends_with("Too long: may not be more than 1048576 bytes"));
    assert!(errors("ConfigMap", "metadata: {name: A}").iter().any(|e| e.contains("duplicate")), "strict decoding");
}

#[test]
fn secrets_of_a_type_have_what_the_type_needs() {
    let table = [
        ("type: kubernetes.io/tls", "data[tls.crt]: Required value"),
        ("type: kubernetes.io/ssh-auth", "data[ssh-privatekey]: Required value"),
        ("type: kubernetes.io/basic-auth", "data[username]: Required value"),
        ("type: kubernetes.io/dockerconfigjson", "data[.dockerconfigjson]: Required value"),
        (
            "type: kubernetes.io/dockercfg\nstringData: {.dockercfg: '{'}",
            "data[.dockercfg]: Invalid value: \"<secret contents redacted>\"",
        ),
        (
            "type: kubernetes.io/service-account-token",
            "metadata.annotations[kubernetes.io/service-account.name]: Required value",
        ),
    ];
    for (rest, expected) in table {
        let found = errors("Secret", rest);
        assert!(found.iter().any(|error| error.starts_with(expected)), "{rest}: {found:?}");
    }
    assert!(errors("Secret", "type: kubernetes.io/basic-auth\nstringData: {password: x}").is_empty());
}

#[test]
fn immutable_objects_and_types_do_not_change() {
    let old = admitted(&of("Secret", "immutable: true\nstringData: {a: x}")).unwrap();
    let change = |rest: &str| admitted_over(&of("Secret", rest), Some(&old)).err().unwrap_or_default();
    assert!(change("immutable: true\nstringData: {a: x}").is_empty());
    assert_eq!(
        change("stringData: {a: z}\ntype: x/y"),
        [
            "type: Invalid value: \"x/y\": field is immutable",
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ]
    );
}

#[test]
fn volumes_need_a_source_a_size_and_a_mode_and_local_ones_a_node() {
    assert_eq!(
        errors("PersistentVolume", "spec: {}"),
        [
            "spec.accessModes: Required value",
            "spec.capacity: Required value",
            "spec: Required value: must specify a volume type"
        ]
    );
    let whole = "capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce]";
    assert_eq!(
        errors("PersistentVolume", &format!("spec: {{{whole}, local: {{path: /x}}}}")),
        ["spec.nodeAffinity: Required value: Local volume requires node affinity"]
    );
    assert!(errors("PersistentVolume", &format!("spec: {{{whole}, hostPath: {{path: /x}}}}")).is_empty());
    let both = format!("spec: {{{whole}, hostPath: {{path: /x}}, nfs: {{path: /, server: s}}}}");
    assert_eq!(errors("PersistentVolume", &both), ["spec.nfs: Forbidden: may not specify more than 1 volume type"]);
    let odd = "spec: {capacity: {storage: 0}, accessModes: [Often, ReadWriteOncePod], hostPath: {path: /x/../y}}";
    assert_eq!(errors("PersistentVolume", odd).len(), 4);
}

#[test]
fn claims_need_a_mode_and_a_size_and_stay_as_they_are() {
    assert_eq!(
        errors("PersistentVolumeClaim", "spec: {}"),
        [
            "spec.accessModes: Required value: at least 1 access mode is required",
            "spec.resources[storage]: Required value"
        ]
    );
    let claim = |mode: &str| {
        of(
            "PersistentVolumeClaim",
            &format!("spec: {{accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}}}"),
        )
    };
    let mut old = admitted(&claim("ReadWriteOnce")).unwrap();
    if let ApiObject::PersistentVolumeClaim(claim) = &mut old {
        claim.spec.as_mut().unwrap().volume_name = Some("v".to_owned());
    }
    let Ok(ApiObject::PersistentVolumeClaim(again)) = admitted_over(&claim("ReadWriteOnce"), Some(&old)) else {
        panic!()
    };
    assert_eq!(again.spec.unwrap().volume_name.as_deref(), Some("v"), "the binding stays");
    let change = admitted_over(&claim("ReadWriteMany"), Some(&old)).unwrap_err();
    assert!(change[0].starts_with("spec: Forbidden: spec is immutable after creation"), "{change:?}");
}

#[test]
fn data_that_is_no_base64_says_where() {
    let text = of("Secret", "data: {a: 'e$=='}");
    let errors = decode("f.yaml", &text)[0].errors();
    assert!(errors[0].contains("data.a: illegal base64 data at input byte 1"), "{errors:?}");
    let message = decode("f.yaml", &text).remove(0).outcome.unwrap_err().message();
    let expected = "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 1";
    assert_eq!(message, expected);
}
