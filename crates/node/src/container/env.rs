//! A container's environment: in the order of the spec, later ones seeing earlier ones through `$(NAME)`.

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, Pod};

use super::error::ConfigError;
use super::expansion::expand;
use super::field_ref::{Addresses, field};
use super::resource_ref::{Machine, resource};

/// The variables of `container`, each name once.
pub(crate) fn environment(
    pod: &Pod,
    container: &Container,
    addresses: &Addresses<'_>,
    machine: &Machine,
) -> Result<Vec<(String, String)>, ConfigError> {
    refuse_api_sources(container)?;
    let mut variables: Vec<(String, String)> = Vec::new();
    for variable in container.env.iter().flatten() {
        let Some(value) = value(pod, container, variable, addresses, machine, &variables)? else { continue };
        match variables.iter_mut().find(|(name, _)| *name == variable.name) {
            Some((_, old)) => *old = value,
            None => variables.push((variable.name.clone(), value)),
        }
    }
    Ok(variables)
}

/// The value of `name` among `variables`.
pub(crate) fn lookup(variables: &[(String, String)], name: &str) -> Option<String> {
    variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
}

/// Without an API server there are no ConfigMaps and Secrets: those that may be missing are, others are an error.
fn refuse_api_sources(container: &Container) -> Result<(), ConfigError> {
    for from in container.env_from.iter().flatten() {
        if let Some(map) = &from.config_map_ref {
            absent_object("configmap", &map.name, map.optional)?;
        }
        if let Some(secret) = &from.secret_ref {
            absent_object("secret", &secret.name, secret.optional)?;
        }
    }
    Ok(())
}

fn absent_object(kind: &'static str, name: &str, optional: Option<bool>) -> Result<(), ConfigError> {
    if optional == Some(true) { Ok(()) } else { Err(ConfigError::NoApiObject { kind, name: name.to_owned() }) }
}

fn value(
    pod: &Pod,
    container: &Container,
    variable: &EnvVar,
    addresses: &Addresses<'_>,
    machine: &Machine,
    before: &[(String, String)],
) -> Result<Option<String>, ConfigError> {
    let Some(source) = &variable.value_from else {
        let text = variable.value.as_deref().unwrap_or_default();
        return Ok(Some(expand(text, |name| lookup(before, name))));
    };
    match source {
        EnvVarSource { field_ref: Some(f), .. } => field(pod, &f.field_path, addresses).map(Some),
        EnvVarSource { resource_field_ref: Some(r), .. } => resource(pod, container, r, machine).map(Some),
        EnvVarSource { config_map_key_ref: Some(k), .. } => {
            absent_object("configmap", &k.name, k.optional).map(|()| None)
        }
        EnvVarSource { secret_key_ref: Some(k), .. } => absent_object("secret", &k.name, k.optional).map(|()| None),
        _ => Ok(Some(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(env: Value) -> Result<Vec<(String, String)>, ConfigError> {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"app.kubernetes.io/x": "y"}},
            "spec": {"nodeName": "lab", "containers": [
                {"name": "c", "env": env, "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}}}]}
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let container = &pod.spec.as_ref().unwrap().containers[0];
        let ips = ["10.0.0.2".to_owned(), "fd00::2".to_owned()];
        let addresses = Addresses { pod: &ips, host: Some("192.0.2.1") };
        environment(&pod, container, &addresses, &Machine { memory_bytes: 1 << 30, cpus: 2 })
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn later_variables_see_earlier_ones_but_not_the_other_way_round() {
        let env =
            json!([{"name": "A", "value": "1$(B)"}, {"name": "B", "value": "2$(A)"}, {"name": "A", "value": "3"}]);
        assert_eq!(of(env).unwrap(), pairs(&[("A", "3"), ("B", "21$(B)")]));
    }

    #[test]
    fn fields_of_the_pod_and_resources_of_the_container_are_values() {
        let from = |path: &str| json!({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}});
        let cases = [
            ("metadata.name", "p"),
            ("metadata.namespace", "n"),
            ("metadata.uid", "u"),
            ("metadata.labels['app.kubernetes.io/x']", "y"),
            ("metadata.annotations['none']", ""),
            ("spec.nodeName", "lab"),
            ("spec.serviceAccountName", ""),
            ("status.podIP", "10.0.0.2"),
            ("status.podIPs", "10.0.0.2,fd00::2"),
            ("status.hostIP", "192.0.2.1"),
        ];
        for (path, expected) in cases {
            assert_eq!(of(json!([from(path)])).unwrap(), pairs(&[("X", expected)]), "{path}");
        }
        assert!(matches!(of(json!([from("status.phase")])), Err(ConfigError::UnsupportedField { .. })));

        let amount = |resource: &str, divisor: &str| json!([{"name": "X", "valueFrom": {"resourceFieldRef": {"resource": resource, "divisor": divisor}}}]);
        assert_eq!(of(amount("limits.cpu", "1")).unwrap(), pairs(&[("X", "2")]));
        assert_eq!(of(amount("limits.cpu", "1m")).unwrap(), pairs(&[("X", "1500")]));
        assert_eq!(of(amount("limits.memory", "1Mi")).unwrap(), pairs(&[("X", "64")]));
        assert_eq!(of(amount("requests.memory", "0")).unwrap(), pairs(&[("X", "0")]));
    }

    #[test]
    fn a_missing_config_map_is_an_error_unless_it_is_optional() {
        let key = |optional: bool| json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k", "optional": optional}}}]);
        assert!(of(key(true)).unwrap().is_empty());
        assert!(of(key(false)).unwrap_err().to_string().starts_with("configmap \"m\" not found"));
    }
}
