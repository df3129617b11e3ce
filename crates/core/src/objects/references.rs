//! Which objects a Pod refers to.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, Pod, ServiceAccountTokenProjection, Volume};

use super::{ObjectKey, ObjectKind};
use crate::unset::{list, text};

/// The ConfigMaps, Secrets and claims of a Pod's volumes and variables and for pulling its images, those that may be missing too.
#[must_use]
pub fn references(pod: &Pod) -> BTreeSet<ObjectKey> {
    let mut found = Found { namespace: namespace_of(pod), keys: BTreeSet::new() };
    let Some(spec) = &pod.spec else { return found.keys };
    for volume in list(&spec.volumes) {
        found.add_volume(volume);
    }
    for container in list(&spec.init_containers).iter().chain(&spec.containers) {
        found.add_variables(list(&container.env), list(&container.env_from));
    }
    for container in list(&spec.ephemeral_containers) {
        found.add_variables(list(&container.env), list(&container.env_from));
    }
    for secret in list(&spec.image_pull_secrets) {
        found.add(ObjectKind::Secret, &secret.name);
    }
    found.keys
}

/// One token of a Pod's service account that its volumes show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenKey {
    /// Whom it is for; empty is the API itself.
    pub audience: String,
    /// How many seconds it is to be good for.
    pub expiration_seconds: i64,
}

impl TokenKey {
    /// What `projection` asks for.
    #[must_use]
    pub fn of(projection: &ServiceAccountTokenProjection) -> Self {
        /// What the API server takes where nothing is said.
        const DEFAULT: i64 = 3600;
        let expiration_seconds = projection.expiration_seconds.unwrap_or(DEFAULT);
        Self { audience: text(&projection.audience).to_owned(), expiration_seconds }
    }
}

/// The tokens that the Pod's volumes show.
#[must_use]
pub fn tokens(pod: &Pod) -> BTreeSet<TokenKey> {
    let volumes = pod.spec.iter().flat_map(|spec| list(&spec.volumes));
    let sources = volumes.filter_map(|volume| volume.projected.as_ref()).flat_map(|projected| list(&projected.sources));
    sources.filter_map(|source| source.service_account_token.as_ref()).map(TokenKey::of).collect()
}

/// The claims that the Pod's volumes name.
pub fn claims(pod: &Pod) -> impl Iterator<Item = ObjectKey> {
    let namespace = namespace_of(pod);
    let volumes = pod.spec.iter().flat_map(|spec| list(&spec.volumes));
    let sources = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    sources.map(move |claim| ObjectKey::new(ObjectKind::PersistentVolumeClaim, namespace, &claim.claim_name))
}

fn namespace_of(pod: &Pod) -> &str {
    match text(&pod.metadata.namespace) {
        "" => "default",
        namespace => namespace,
    }
}

struct Found<'a> {
    namespace: &'a str,
    keys: BTreeSet<ObjectKey>,
}

impl Found<'_> {
    fn add(&mut self, kind: ObjectKind, name: &str) {
        if !name.is_empty() {
            self.keys.insert(ObjectKey::new(kind, self.namespace, name));
        }
    }

    fn add_volume(&mut self, volume: &Volume) {
        if let Some(source) = &volume.config_map {
            self.add(ObjectKind::ConfigMap, &source.name);
        }
        if let Some(source) = &volume.secret {
            self.add(ObjectKind::Secret, text(&source.secret_name));
        }
        if let Some(source) = &volume.persistent_volume_claim {
            self.add(ObjectKind::PersistentVolumeClaim, &source.claim_name);
        }
        for source in volume.projected.iter().flat_map(|projected| list(&projected.sources)) {
            if let Some(source) = &source.config_map {
                self.add(ObjectKind::ConfigMap, &source.name);
            }
            if let Some(source) = &source.secret {
                self.add(ObjectKind::Secret, &source.name);
            }
        }
    }

    fn add_variables(&mut self, variables: &[EnvVar], from: &[EnvFromSource]) {
        for source in variables.iter().filter_map(|variable| variable.value_from.as_ref()) {
            if let Some(key) = &source.config_map_key_ref {
                self.add(ObjectKind::ConfigMap, &key.name);
            }
            if let Some(key) = &source.secret_key_ref {
                self.add(ObjectKind::Secret, &key.name);
            }
        }
        for source in from {
            if let Some(source) = &source.config_map_ref {
                self.add(ObjectKind::ConfigMap, &source.name);
            }
            if let Some(source) = &source.secret_ref {
                self.add(ObjectKind::Secret, &source.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn volumes_and_variables_of_all_containers_count_once_each() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"namespace": "n"},
            "spec": {
                "volumes": [
                    {"name": "a", "configMap": {"name": "m"}},
                    {"name": "b", "secret": {"secretName": "s"}},
                    {"name": "c", "persistentVolumeClaim": {"claimName": "c"}},
                    {"name": "d", "projected": {"sources": [{"configMap": {"name": "pm"}}, {"secret": {"name": "ps"}}]}}],
                "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "fs"}}]}],
                "containers": [{"name": "c", "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "es", "key": "k"}}}]}]
            }
        }))
        .unwrap();
        let shown: Vec<String> = references(&pod).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "ConfigMap n/m",
                "ConfigMap n/pm",
                "Secret n/es",
                "Secret n/fs",
                "Secret n/ps",
                "Secret n/s",
                "PersistentVolumeClaim n/c"
            ]
        );
        assert_eq!(claims(&pod).count(), 1);
    }
}
