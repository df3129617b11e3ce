use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;

use super::*;

fn object(name: &str, version: u64) -> ConfigMap {
    let resource_version = Some(version.to_string());
    let metadata = ObjectMeta { name: Some(name.to_owned()), resource_version, ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn shown(changes: impl IntoIterator<Item = Change<ConfigMap>>) -> Vec<String> {
    let one = |object: Option<Arc<ConfigMap>>| {
        object.map_or("-".to_owned(), |o| format!("{}@{}", ObjectKey::of(&*o), version(&*o)))
    };
    changes.into_iter().map(|change| format!("{} {}", one(change.old), one(change.new))).collect()
}

fn listed(contents: &mut Contents<ConfigMap>, objects: &[(&str, u64)]) -> Vec<String> {
    contents.take_in(Event::Init);
    for (name, version) in objects {
        contents.take_in(Event::InitApply(object(name, *version)));
    }
    shown(contents.take_in(Event::InitDone))
}

#[test]
fn a_listing_tells_only_what_is_different() {
    let mut contents = Contents::new(|_| Vec::new(), |_| ());
    assert!(!contents.is_complete());
    assert_eq!(listed(&mut contents, &[("a", 1), ("b", 2)]), ["- a@1", "- b@2"]);
    assert!(contents.is_complete());
    assert_eq!(listed(&mut contents, &[("b", 5), ("c", 3)]), ["a@1 -", "b@2 b@5", "- c@3"]);
}

#[test]
fn what_was_written_is_known_at_once_and_told_once() {
    let mut contents = Contents::new(|_| Vec::new(), |_| ());
    listed(&mut contents, &[]);
    assert_eq!(shown(contents.wrote(object("a", 4))), ["- a@4"]);
    assert!(shown(contents.take_in(Event::Apply(object("a", 4)))).is_empty());
    assert_eq!(shown(contents.take_in(Event::Apply(object("a", 6)))), ["a@4 a@6"]);
    assert!(shown(contents.wrote(object("a", 5))).is_empty(), "older than what is there");
}

#[test]
fn what_was_deleted_before_the_answer_to_its_creation_came_does_not_come_back() {
    let mut contents = Contents::new(|_| Vec::new(), |_| ());
    listed(&mut contents, &[]);
    contents.take_in(Event::Apply(object("a", 4)));
    assert_eq!(shown(contents.take_in(Event::Delete(object("a", 5)))), ["a@4 -"]);
    assert!(shown(contents.wrote(object("a", 4))).is_empty());
    assert!(contents.get(&ObjectKey::new("", "a")).is_none());
}

#[test]
fn a_write_during_a_listing_makes_another_one_necessary() {
    let mut contents = Contents::new(|_| Vec::new(), |_| ());
    listed(&mut contents, &[("a", 1)]);
    contents.take_in(Event::Init);
    assert_eq!(shown(contents.wrote(object("b", 7))), ["- b@7"]);
    contents.take_in(Event::InitApply(object("a", 1)));
    assert!(shown(contents.take_in(Event::InitDone)).is_empty());
    assert!(contents.must_begin_again() && !contents.must_begin_again());
    assert_eq!(listed(&mut contents, &[("a", 1)]), ["b@7 -"]);
}

#[test]
fn news_of_an_older_object_of_that_name_does_not_remove_the_new_one() {
    let mut contents = Contents::new(|_| Vec::new(), |_| ());
    listed(&mut contents, &[("a", 1)]);
    assert_eq!(shown(contents.wrote(object("a", 9))), ["a@1 a@9"]);
    assert!(shown(contents.take_in(Event::Delete(object("a", 8)))).is_empty());
    assert!(contents.get(&ObjectKey::new("", "a")).is_some());
}

#[test]
fn objects_are_found_by_what_they_are_marked_with() {
    let by_label =
        |object: &ConfigMap| object.metadata.labels.iter().flatten().map(|(_, value)| value.clone()).collect();
    let mut contents = Contents::new(by_label, |_| ());
    let labelled = |name: &str, version: u64, label: &str| {
        let mut object = object(name, version);
        object.metadata.labels = Some([("l".to_owned(), label.to_owned())].into());
        object
    };
    contents.take_in(Event::Apply(labelled("a", 1, "x")));
    contents.take_in(Event::Apply(labelled("b", 2, "x")));
    contents.take_in(Event::Apply(labelled("a", 3, "y")));
    let names = |contents: &Contents<ConfigMap>, mark: &str| {
        contents.marked(mark).map(|object| ObjectKey::of(&**object).name).collect::<Vec<_>>()
    };
    assert_eq!((names(&contents, "x"), names(&contents, "y")), (vec!["b".to_owned()], vec!["a".to_owned()]));
    contents.take_in(Event::Delete(labelled("b", 4, "x")));
    assert!(names(&contents, "x").is_empty());
}
