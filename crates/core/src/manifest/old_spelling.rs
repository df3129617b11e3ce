//! The published spelling of restart rules, `onExit.exitCodes`, made the released one, `exitCodes`.
//!
//! The announcement and released Kubernetes differ here (semantics section 1). Both are accepted on every
//! way in; the released form is stored and the old one earns a `Warning`.

use super::error::{Problem, ProblemKind};
use super::node::{Node, Value};
use crate::field::FieldPath;

const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Rewrites the rules of one Pod; gives the warnings and the rules that have both spellings.
pub(super) fn rewrite(pod: &mut Node) -> (Vec<String>, Vec<Problem>) {
    let mut found = Found::default();
    let Some(spec) = pod.get_mut("spec") else { return (found.warnings, found.problems) };
    for list in CONTAINER_LISTS {
        let path = FieldPath::new("spec").child(list);
        let Some(containers) = spec.get_mut(list) else { continue };
        for (i, container) in containers.items_mut().iter_mut().enumerate() {
            let path = path.index(i).child("restartPolicyRules");
            let Some(rules) = container.get_mut("restartPolicyRules") else { continue };
            for (j, rule) in rules.items_mut().iter_mut().enumerate() {
                found.rewrite_rule(rule, &path.index(j));
            }
        }
    }
    (found.warnings, found.problems)
}

#[derive(Default)]
struct Found {
    warnings: Vec<String>,
    problems: Vec<Problem>,
}

impl Found {
    fn rewrite_rule(&mut self, rule: &mut Node, path: &FieldPath) {
        let both = rule.get("exitCodes").is_some();
        let Value::Map(entries) = &mut rule.value else { return };
        let Some((key, on_exit)) = entries.iter_mut().find(|(key, _)| key == "onExit") else { return };
        let old = path.child("onExit");
        if both {
            let text = format!("{old}: Forbidden: may not be set together with exitCodes");
            self.problems.push(Problem::at_node(ProblemKind::BothSpellings, old, on_exit, text));
            return;
        }
        // Anything but an object with exitCodes alone stays, and is an unknown field for the typed reader.
        let Value::Map(inner) = &mut on_exit.value else { return };
        if inner.len() != 1 || inner[0].0 != "exitCodes" {
            return;
        }
        let (new_key, exit_codes) = inner.remove(0);
        *key = new_key;
        *on_exit = exit_codes;
        self.warnings.push(format!(
            "{old}.exitCodes: was never released in this spelling, {}.exitCodes is used in its place",
            path.as_str()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml;

    fn rewritten(rule: &str) -> (Node, Vec<String>, Vec<Problem>) {
        let text = format!("spec: {{containers: [{{restartPolicyRules: [{rule}]}}]}}");
        let mut pod = yaml::documents(&text).0.remove(0);
        let (warnings, problems) = rewrite(&mut pod);
        (pod, warnings, problems)
    }

    #[test]
    fn the_published_spelling_is_rewritten_with_a_warning() {
        let (pod, warnings, problems) = rewritten("{action: Restart, onExit: {exitCodes: {operator: In}}}");
        let (released, none, _) = rewritten("{action: Restart, exitCodes: {operator: In}}");
        let rules = |pod: &Node| format!("{:?}", pod.get("spec").unwrap().summary());
        assert_eq!(rules(&pod), rules(&released));
        assert!(none.is_empty() && problems.is_empty());
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("spec.containers[0].restartPolicyRules[0].onExit.exitCodes: "));
    }

    #[test]
    fn both_spellings_in_one_rule_are_an_error() {
        let (_, _, problems) = rewritten("{onExit: {exitCodes: {}}, exitCodes: {}}");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field.as_str(), "spec.containers[0].restartPolicyRules[0].onExit");
    }

    #[test]
    fn an_on_exit_with_anything_else_in_it_is_left_for_the_typed_reader() {
        for rule in ["{onExit: 5}", "{onExit: {}}", "{onExit: {exitCodes: {}, foo: 1}}"] {
            let (_, warnings, problems) = rewritten(rule);
            assert!(warnings.is_empty() && problems.is_empty(), "{rule}");
        }
    }
}
