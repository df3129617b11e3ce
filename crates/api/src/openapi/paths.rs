//! The paths of a kind, with what can be done at each.

use serde_json::Value;

use super::operations::Target;
use super::parameters::{self, Action};
use crate::discovery;
use crate::resources::{Resource, Subresource, Verb};

/// All paths of a kind.
pub fn of(row: &'static Resource) -> Vec<(String, Value)> {
    let base = discovery::path(row);
    let all = format!("{base}/{}", row.plural);
    let collection =
        if row.namespaced { format!("{base}/namespaces/{{namespace}}/{}", row.plural) } else { all.clone() };
    let object = format!("{collection}/{{name}}");
    let whole = Target { row, part: None, namespaced: row.namespaced };
    let mut paths = vec![
        (collection, item(whole, false, &actions(row.verbs, &COLLECTION))),
        (object.clone(), item(whole, true, &actions(row.verbs, &OBJECT))),
    ];
    if row.namespaced {
        let everywhere = Target { namespaced: false, ..whole };
        paths.push((all, item(everywhere, false, &actions(row.verbs, &[(Verb::List, Action::List)]))));
    }
    for part in row.subresources {
        let target = Target { part: Some(part), ..whole };
        paths.push((format!("{object}/{}", part.name), item(target, true, &part_actions(part))));
    }
    paths.retain(|(_, item)| item.as_object().is_some_and(|item| item.len() > 1));
    paths
}

const COLLECTION: [(Verb, Action); 3] =
    [(Verb::List, Action::List), (Verb::Create, Action::Post), (Verb::DeleteCollection, Action::DeleteCollection)];
const OBJECT: [(Verb, Action); 4] = [
    (Verb::Get, Action::Get),
    (Verb::Update, Action::Put),
    (Verb::Patch, Action::Patch),
    (Verb::Delete, Action::Delete),
];

fn actions(verbs: &[Verb], all: &[(Verb, Action)]) -> Vec<(&'static str, Action)> {
    let there = all.iter().filter(|(verb, _)| verbs.contains(verb));
    there.map(|(_, action)| (method(*action), *action)).collect()
}

/// Streams are connected to with either method; other parts are written as objects are.
fn part_actions(part: &Subresource) -> Vec<(&'static str, Action)> {
    if part.verbs.contains(&Verb::Get) && part.verbs.contains(&Verb::Create) {
        return vec![("get", Action::Connect), ("post", Action::Connect)];
    }
    let of_objects = actions(part.verbs, &OBJECT);
    of_objects.into_iter().chain(actions(part.verbs, &[(Verb::Create, Action::Post)])).collect()
}

fn method(action: Action) -> &'static str {
    match action {
        Action::Get | Action::List | Action::Connect => "get",
        Action::Post => "post",
        Action::Put => "put",
        Action::Patch => "patch",
        Action::Delete | Action::DeleteCollection => "delete",
    }
}

fn item(target: Target<'_>, named: bool, actions: &[(&'static str, Action)]) -> Value {
    let parameters = ("parameters".to_owned(), parameters::of_path(target.namespaced, named).into());
    let operations = actions.iter().map(|(method, action)| ((*method).to_owned(), target.operation(*action)));
    Value::Object(operations.chain([parameters]).collect())
}
