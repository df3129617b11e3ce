//! A container's environment: in the order of the spec, later ones seeing earlier ones through `$(NAME)`.

use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, Container, EnvFromSource, EnvVar, EnvVarSource, FileKeySelector, Pod, SecretKeySelector,
};
use reprise_core::objects::ObjectKind;

use super::env_file;
use super::error::ConfigError;
use super::expansion::expand;
use super::field_ref::{Addresses, field};
use super::resource_ref::{Machine, resource};
use super::variables::Variables;
use crate::api_service::ApiService;
use crate::objects::Objects;
use crate::paths::PodPaths;
use crate::pod_key::PodKey;

/// What variables take their values from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnvSources<'a> {
    pub pod: &'a Pod,
    pub paths: &'a PodPaths,
    pub addresses: &'a Addresses<'a>,
    pub machine: &'a Machine,
    pub objects: &'a Objects,
    pub api_service: Option<&'a ApiService>,
}

/// The variables of `container`, each name once: first where the API is, then those of whole objects, then single ones. Later ones win.
pub(crate) fn environment(from: EnvSources<'_>, container: &Container) -> Result<Variables, ConfigError> {
    let mut variables = Variables::default();
    for (name, value) in from.api_service.iter().flat_map(|service| service.variables()) {
        variables.set(&name, value.into_bytes());
    }
    for source in container.env_from.iter().flatten() {
        from.add_all(source, &mut variables)?;
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = from.value(container, variable, &variables)? {
            variables.set(&variable.name, value);
        }
    }
    Ok(variables)
}

impl EnvSources<'_> {
    /// Every key that an object can have is the name of a variable (since Kubernetes 1.34 has relaxed that).
    fn add_all(&self, source: &EnvFromSource, variables: &mut Variables) -> Result<(), ConfigError> {
        let namespace = PodKey::of(self.pod).namespace;
        let prefix = source.prefix.as_deref().unwrap_or_default();
        if let Some(wanted) = &source.config_map_ref {
            let map = self.objects.config_map(&namespace, &wanted.name);
            let map = present(map, ObjectKind::ConfigMap, &wanted.name, wanted.optional)?;
            for (key, value) in map.and_then(|map| map.data).into_iter().flatten() {
                variables.set(&format!("{prefix}{key}"), value.into_bytes());
            }
        }
        if let Some(wanted) = &source.secret_ref {
            let secret = self.objects.secret(&namespace, &wanted.name);
            let secret = present(secret, ObjectKind::Secret, &wanted.name, wanted.optional)?;
            for (key, value) in secret.and_then(|secret| secret.data).into_iter().flatten() {
                variables.set(&format!("{prefix}{key}"), value.0);
            }
        }
        Ok(())
    }

    /// None for a variable whose source may be missing, and is.
    fn value(
        &self,
        container: &Container,
        variable: &EnvVar,
        before: &Variables,
    ) -> Result<Option<Vec<u8>>, ConfigError> {
        let text = |value: String| Some(value.into_bytes());
        let Some(source) = &variable.value_from else {
            let value = variable.value.as_deref().unwrap_or_default();
            return Ok(text(expand(value, |name| before.text(name))));
        };
        match source {
            EnvVarSource { field_ref: Some(f), .. } => field(self.pod, &f.field_path, self.addresses).map(text),
            EnvVarSource { resource_field_ref: Some(r), .. } => {
                resource(self.pod, container, r, self.machine).map(text)
            }
            EnvVarSource { config_map_key_ref: Some(key), .. } => self.of_config_map(key),
            EnvVarSource { secret_key_ref: Some(key), .. } => self.of_secret(key),
            EnvVarSource { file_key_ref: Some(key), .. } => self.of_file(key),
            _ => Ok(Some(Vec::new())),
        }
    }

    /// Validation has made sure that the volume is an emptyDir.
    fn of_file(&self, wanted: &FileKeySelector) -> Result<Option<Vec<u8>>, ConfigError> {
        let value = env_file::value(&self.paths.empty_dir(&wanted.volume_name), &wanted.path, &wanted.key)?;
        if value.is_none() && wanted.optional != Some(true) {
            let FileKeySelector { key, path, volume_name: volume, .. } = wanted.clone();
            return Err(ConfigError::NoKeyInFile { key, path, volume });
        }
        Ok(value.map(String::into_bytes))
    }

    fn of_config_map(&self, wanted: &ConfigMapKeySelector) -> Result<Option<Vec<u8>>, ConfigError> {
        let namespace = PodKey::of(self.pod).namespace;
        let map = self.objects.config_map(&namespace, &wanted.name);
        let map = present(map, ObjectKind::ConfigMap, &wanted.name, wanted.optional)?;
        let Some(map) = map else { return Ok(None) };
        let value = map.data.and_then(|mut data| data.remove(&wanted.key)).map(String::into_bytes);
        has_key(value, ObjectKind::ConfigMap, &wanted.key, &format!("{namespace}/{}", wanted.name), wanted.optional)
    }

    fn of_secret(&self, wanted: &SecretKeySelector) -> Result<Option<Vec<u8>>, ConfigError> {
        let namespace = PodKey::of(self.pod).namespace;
        let secret = self.objects.secret(&namespace, &wanted.name);
        let secret = present(secret, ObjectKind::Secret, &wanted.name, wanted.optional)?;
        let Some(secret) = secret else { return Ok(None) };
        let value = secret.data.and_then(|mut data| data.remove(&wanted.key)).map(|value| value.0);
        has_key(value, ObjectKind::Secret, &wanted.key, &format!("{namespace}/{}", wanted.name), wanted.optional)
    }
}

fn present<T>(
    object: Option<T>,
    kind: ObjectKind,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<T>, ConfigError> {
    if object.is_none() && optional != Some(true) {
        return Err(ConfigError::NoObject { kind: kind.lower_name(), name: name.to_owned() });
    }
    Ok(object)
}

fn has_key(
    value: Option<Vec<u8>>,
    kind: ObjectKind,
    key: &str,
    object: &str,
    optional: Option<bool>,
) -> Result<Option<Vec<u8>>, ConfigError> {
    if value.is_none() && optional != Some(true) {
        return Err(ConfigError::NoKey { key: key.to_owned(), kind: kind.name(), object: object.to_owned() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::tests::with;
    use crate::paths::NodePaths;
    use serde_json::{Value, json};

    fn of(env: Value) -> Result<Vec<(String, String)>, ConfigError> {
        of_both(json!([]), env)
    }

    fn of_both(env_from: Value, env: Value) -> Result<Vec<(String, String)>, ConfigError> {
        of_all(None, env_from, env)
    }

    fn of_all(
        api_service: Option<&ApiService>,
        env_from: Value,
        env: Value,
    ) -> Result<Vec<(String, String)>, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v", "1.x": "y"}});
        let objects = with(&NodePaths::new(folder.path()), &[map]);
        let pod = json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"app.kubernetes.io/x": "y"}},
            "spec": {"nodeName": "lab", "containers": [
                {"name": "c", "env": env, "envFrom": env_from, "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}}}]}
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let container = &pod.spec.as_ref().unwrap().containers[0];
        let ips = ["10.0.0.2".to_owned(), "fd00::2".to_owned()];
        let addresses = Addresses { pod: &ips, host: Some("192.0.2.1") };
        let machine = Machine { memory_bytes: 1 << 30, milli_cpu: 2_000 };
        let paths = NodePaths::new(folder.path()).pod(&pod);
        let from = EnvSources {
            pod: &pod,
            paths: &paths,
            addresses: &addresses,
            machine: &machine,
            objects: &objects,
            api_service,
        };
        let variables = environment(from, container)?;
        Ok(variables.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect())
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_container_knows_where_the_api_is_unless_it_says_so_itself() {
        let service = ApiService { address: "10.96.0.1".to_owned(), port: 443, port_name: "https".to_owned() };
        let env = json!([
            {"name": "KUBERNETES_SERVICE_HOST", "value": "api"},
            {"name": "X", "value": "$(KUBERNETES_SERVICE_PORT)"}
        ]);
        let found = of_all(Some(&service), json!([]), env).unwrap();
        assert_eq!(found[0], ("KUBERNETES_SERVICE_HOST".to_owned(), "api".to_owned()));
        assert_eq!(found.last().unwrap(), &("X".to_owned(), "443".to_owned()));
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
    fn whole_objects_come_first_and_single_variables_see_and_replace_them() {
        let from = json!([{"configMapRef": {"name": "m"}}, {"prefix": "P_", "configMapRef": {"name": "m"}}]);
        let found = of_both(from, json!([{"name": "k", "value": "$(k)$(P_k)!"}])).unwrap();
        assert_eq!(found, pairs(&[("1.x", "y"), ("k", "vv!"), ("P_1.x", "y"), ("P_k", "v")]));
    }

    #[test]
    fn what_is_missing_is_an_error_in_the_kubelets_words_unless_it_is_optional() {
        let key = |name: &str, key: &str, optional: bool| {
            let source = json!({"configMapKeyRef": {"name": name, "key": key, "optional": optional}});
            of(json!([{"name": "X", "valueFrom": source}])).map_err(|e| e.to_string())
        };
        assert_eq!(key("m", "k", false).unwrap(), pairs(&[("X", "v")]));
        assert!(key("none", "k", true).unwrap().is_empty() && key("m", "none", true).unwrap().is_empty());
        assert_eq!(key("none", "k", false).unwrap_err(), "configmap \"none\" not found");
        assert_eq!(key("m", "none", false).unwrap_err(), "couldn't find key none in ConfigMap n/m");
        let from = |optional: bool| of_both(json!([{"secretRef": {"name": "s", "optional": optional}}]), json!([]));
        assert_eq!(from(false).unwrap_err().to_string(), "secret \"s\" not found");
        assert!(from(true).unwrap().is_empty());
    }
}
