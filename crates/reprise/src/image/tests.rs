//! What the commands print, on stores with images made in the test.

use reprise_images::{BuiltContent, BuiltFile, BuiltImage};
use tempfile::TempDir;

use super::*;

fn store_with(names: &[&str]) -> (TempDir, ImageStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let file = BuiltFile { name: "run".into(), mode: 0o755, content: BuiltContent::Bytes(b"program".to_vec()) };
    for name in names {
        let image = BuiltImage {
            reference: (*name).to_owned(),
            config: serde_json::from_str(&format!(r#"{{"Entrypoint": ["/run", "{name}"], "Env": ["A=1", "B=2"]}}"#))
                .unwrap(),
        };
        store.put_built(std::slice::from_ref(&file), &[image]).unwrap();
    }
    (dir, store)
}

#[test]
fn the_table_lines_up() {
    let (_dir, store) = store_with(&["a", "longer/name:2"]);
    let text = table::list(&store.list().unwrap());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let column = lines[0].find("ID").unwrap();
    let image = store.resolve("a").unwrap().unwrap();
    assert_eq!(lines[1].find(&image.id.hex()[..12]), Some(column), "{text}");
    assert!(lines[2].starts_with("docker.io/longer/name:2  "), "{text}");
}

#[test]
fn json_has_one_object_a_line_with_the_documented_fields() {
    let (_dir, store) = store_with(&["app:1"]);
    let image = store.resolve("app:1").unwrap().unwrap();
    let line = report::line(&image).unwrap();
    assert!(!line.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["repoTags"], serde_json::json!(["docker.io/library/app:1"]));
    assert_eq!(value["id"], image.id.as_str());
    assert_eq!(value["pinned"], true);
    let value: serde_json::Value = serde_json::from_str(&report::details(&image).unwrap()).unwrap();
    assert_eq!(value["config"]["config"]["Entrypoint"], serde_json::json!(["/run", "app:1"]));
    assert_eq!(value["layers"].as_array().unwrap().len(), 1);
}

#[test]
fn details_list_every_value_under_one_label() {
    let (_dir, store) = store_with(&["app:1"]);
    let text = table::details(&store.resolve("app:1").unwrap().unwrap());
    assert!(text.contains("Env:         A=1\n             B=2\n"), "{text}");
    assert!(text.contains("Entrypoint:  [\"/run\", \"app:1\"]\n"), "{text}");
    assert!(!text.contains("User"), "{text}");
}

#[test]
fn the_start_of_an_id_is_enough_if_it_is_the_only_one() {
    let (_dir, store) = store_with(&["app:1"]);
    let id = store.resolve("app:1").unwrap().unwrap().id;
    assert_eq!(find(&store, &id.hex()[..8]).unwrap().id, id);
    assert_eq!(find(&store, &id.as_str()[..20]).unwrap().id, id);
    for name in [&id.hex()[..3], "other", "Not/A/Name"] {
        let error = find(&store, name).unwrap_err();
        assert!(error.downcast_ref::<reprise_images::Error>().is_some(), "{name}: {error}");
    }
}
