use super::*;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n";

#[test]
fn every_document_is_a_pod_and_empty_ones_count_but_are_left_out() {
    let text = format!("---\n{POD}---\n---\n# nothing\n---\n{POD}");
    let documents = decode("pods.yaml", &text);
    let numbers: Vec<usize> = documents.iter().map(|document| document.origin.document).collect();
    assert_eq!(numbers, [1, 4]);
    assert!(documents.iter().all(|document| document.outcome.is_ok()));
}

#[test]
fn an_empty_file_has_no_documents() {
    assert!(decode("pods.yaml", "").is_empty());
    assert!(decode("pods.yaml", "# nothing\n").is_empty());
}

#[test]
fn json_and_lists_are_understood() {
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[]}}"#;
    let list = format!("{pod}\n{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{pod},{pod}]}}");
    let origins: Vec<String> = decode("p.json", &list).iter().map(|document| document.origin.to_string()).collect();
    assert_eq!(origins, ["p.json: document 1", "p.json: document 2: items[0]", "p.json: document 2: items[1]"]);
}

#[test]
fn the_old_spelling_is_rewritten_in_items_of_a_list_too() {
    let text = "
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  spec:
    initContainers:
    - restartPolicyRules:
      - action: RestartAllContainers
        onExit:
          exitCodes: {operator: In, values: [88]}
";
    let Object::Pod(decoded) = decode("l.yaml", text).remove(0).outcome.unwrap() else { panic!() };
    assert!(decoded.warnings[0].starts_with("spec.initContainers[0].restartPolicyRules[0].onExit.exitCodes: "));
    let rules = decoded.pod.spec.unwrap().init_containers.unwrap().remove(0).restart_policy_rules.unwrap();
    assert_eq!(rules[0].exit_codes.as_ref().unwrap().values, Some(vec![88]));
}

#[test]
fn other_kinds_are_named_with_file_and_document() {
    let text = format!("{POD}---\napiVersion: apps/v1\nkind: Deployment\n");
    assert_eq!(
        decode("d.yaml", &text)[1].errors(),
        ["d.yaml: document 2: line 6, column 1: kind Deployment (apiVersion apps/v1) is not supported yet: \
          Pods, ConfigMaps, Secrets, PersistentVolumes, PersistentVolumeClaims and Lists of them (apiVersion v1) are"]
    );
    let errors = |text: &str| decode("x", text).iter().flat_map(Document::errors).collect::<Vec<_>>().join("\n");
    assert!(errors("kind: Pod").contains("apiVersion is missing"));
    assert!(errors("a: b").contains("kind is missing"));
    assert!(errors("hello").contains("a Kubernetes object is expected, not \"hello\""));
    assert!(errors("apiVersion: v1\nkind: List\nitems: 5").contains("items: must be a list"));
}

#[test]
fn an_error_has_file_document_path_place_and_value() {
    let text = format!("{POD}---\n{}", POD.replace("image: i", "imagee: i"));
    assert_eq!(
        decode("d.yaml", &text)[1].errors(),
        ["d.yaml: document 2: line 9, column 39: strict decoding error: \
          unknown field \"spec.containers[0].imagee\" (value: \"i\")"]
    );
    let text = POD.replace("name: c", "name: 5");
    assert_eq!(
        decode("d.yaml", &text)[0].errors(),
        ["d.yaml: document 1: line 4, column 28: spec.containers[0].name: json: cannot unmarshal number into \
          Go struct field Container.spec.containers.name of type string (value: 5; text needs quotes here)"]
    );
}

#[test]
fn a_syntax_error_has_line_and_column_and_the_number_of_its_document() {
    let documents = decode("d.yaml", &format!("{POD}---\na: [1\nb: }}\n"));
    assert_eq!(documents.len(), 2);
    let errors = documents[1].errors();
    assert!(errors[0].starts_with("d.yaml: document 2: line "), "{errors:?}");
}

#[test]
fn what_pods_refer_to_is_read_as_strictly_alone_and_in_lists() {
    let text = "
apiVersion: v1
kind: ConfigMap
metadata: {name: m}
data: {a: b}
---
apiVersion: v1
kind: SecretList
items:
- metadata: {name: s}
  stringData: {a: b}
";
    let kinds: Vec<&str> = decode("o.yaml", text)
        .into_iter()
        .map(|document| match document.outcome.unwrap() {
            Object::Pod(_) => "Pod",
            Object::Other(object) => object.kind().name(),
        })
        .collect();
    assert_eq!(kinds, ["ConfigMap", "Secret"]);
    let errors = |text: &str| decode("o.yaml", text)[0].errors().join("\n");
    let head = "apiVersion: v1\nkind: ConfigMap\n";
    assert!(errors(&format!("{head}data: {{a: 5}}")).ends_with("type string (value: 5; text needs quotes here)"));
    assert!(errors(&format!("{head}dat: {{}}")).contains("strict decoding error: unknown field \"dat\""));
    assert!(errors(&format!("{head}data: {{a: x, a: y}}")).contains("duplicate field \"data.a\""));
}
