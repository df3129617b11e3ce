//! What the files of a configMap, secret, downwardAPI or projected volume hold.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, KeyToPath, Pod, ProjectedVolumeSource, ServiceAccountTokenProjection, Volume,
    VolumeProjection,
};
use reprise_core::field::BadValue;
use reprise_core::objects::{ObjectKind, TokenKey};

use super::VolumeError;
use super::atomic_writer::{File, Payload};
use crate::container::field_ref::{Addresses, field};
use crate::container::find;
use crate::container::resource_ref::{Machine, resource};
use crate::objects::Objects;
use crate::pod_key::{PodKey, uid_of};

/// `rw-r--r--`
const DEFAULT_MODE: i32 = 0o644;
/// Containers may run as any user.
const TOKEN_MODE: u32 = 0o644;
/// The Pod's group reads it.
const TOKEN_MODE_OF_GROUP: u32 = 0o640;

/// Where the contents come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub pod: &'a Pod,
    pub objects: &'a Objects,
    pub machine: &'a Machine,
}

/// The files of `volume`; none if it is of another kind.
pub(crate) fn of(volume: &Volume, from: Sources<'_>) -> Result<Option<Payload>, VolumeError> {
    let mut payload = Payload::new();
    if let Some(source) = &volume.config_map {
        let wanted = Wanted::new(&source.name, source.items.as_deref(), source.optional, source.default_mode);
        from.config_map(&wanted, &mut payload)?;
    } else if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let wanted = Wanted::new(name, source.items.as_deref(), source.optional, source.default_mode);
        from.secret(&wanted, &mut payload)?;
    } else if let Some(source) = &volume.downward_api {
        from.downward(source.items.iter().flatten(), source.default_mode, &mut payload)?;
    } else if let Some(source) = &volume.projected {
        from.projected(source, &mut payload)?;
    } else {
        return Ok(None);
    }
    Ok(Some(payload))
}

/// Which keys of which object become files.
struct Wanted<'a> {
    name: &'a str,
    items: &'a [KeyToPath],
    optional: bool,
    mode: i32,
}

impl<'a> Wanted<'a> {
    fn new(name: &'a str, items: Option<&'a [KeyToPath]>, optional: Option<bool>, mode: Option<i32>) -> Self {
        let items = items.unwrap_or_default();
        Self { name, items, optional: optional == Some(true), mode: mode.unwrap_or(DEFAULT_MODE) }
    }
}

impl Sources<'_> {
    fn namespace(&self) -> String {
        PodKey::of(self.pod).namespace
    }

    fn config_map(&self, wanted: &Wanted<'_>, payload: &mut Payload) -> Result<(), VolumeError> {
        let Some(map) = self.objects.config_map(&self.namespace(), wanted.name) else {
            return absent(ObjectKind::ConfigMap, wanted);
        };
        let text = map.data.into_iter().flatten().map(|(key, value)| (key, value.into_bytes()));
        let bytes = map.binary_data.into_iter().flatten().map(|(key, value)| (key, value.0));
        add(text.chain(bytes).collect(), wanted, "configmap references non-existent config key", payload)
    }

    fn secret(&self, wanted: &Wanted<'_>, payload: &mut Payload) -> Result<(), VolumeError> {
        let Some(secret) = self.objects.secret(&self.namespace(), wanted.name) else {
            return absent(ObjectKind::Secret, wanted);
        };
        let data = secret.data.into_iter().flatten().map(|(key, value)| (key, value.0)).collect();
        add(data, wanted, "references non-existent secret key", payload)
    }

    fn downward<'f>(
        &self,
        files: impl Iterator<Item = &'f DownwardAPIVolumeFile>,
        default_mode: Option<i32>,
        payload: &mut Payload,
    ) -> Result<(), VolumeError> {
        for file in files {
            let content = self.downward_content(file)?.into_bytes();
            let mode = mode(file.mode.or(default_mode).unwrap_or(DEFAULT_MODE));
            payload.insert(file.path.clone(), File { content, mode });
        }
        Ok(())
    }

    fn downward_content(&self, file: &DownwardAPIVolumeFile) -> Result<String, VolumeError> {
        let failed = |source: crate::container::error::ConfigError| VolumeError::Downward(Box::new(source));
        if let Some(selector) = &file.resource_field_ref {
            let name = selector.container_name.as_deref().unwrap_or_default();
            let container = find::container(self.pod, name).map_err(failed)?;
            return resource(self.pod, &container.spec, selector, self.machine).map_err(failed);
        }
        let path = file.field_ref.as_ref().map(|f| f.field_path.as_str()).unwrap_or_default();
        match path {
            "metadata.labels" => Ok(lines(self.pod.metadata.labels.as_ref())),
            "metadata.annotations" => Ok(lines(self.pod.metadata.annotations.as_ref())),
            // No file can hold an address: validation admits none of those fields here.
            path => field(self.pod, path, &Addresses { pod: &[], host: None }).map_err(failed),
        }
    }

    fn projected(&self, source: &ProjectedVolumeSource, payload: &mut Payload) -> Result<(), VolumeError> {
        source.sources.iter().flatten().try_for_each(|one| self.projection(one, source.default_mode, payload))
    }

    /// Readable by who the Pod's containers run as: by all if that differs, as with the kubelet's token files.
    fn token(&self, wanted: &ServiceAccountTokenProjection, payload: &mut Payload) -> Result<(), VolumeError> {
        let spec = self.pod.spec.as_ref();
        let account = spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_default();
        let token = self.objects.token(uid_of(self.pod), &TokenKey::of(wanted));
        let token = token.ok_or(VolumeError::NoToken { service_account: account })?;
        let has_group = spec.and_then(|spec| spec.security_context.as_ref()).is_some_and(|c| c.fs_group.is_some());
        let mode = if has_group { TOKEN_MODE_OF_GROUP } else { TOKEN_MODE };
        payload.insert(wanted.path.clone(), File { content: token.into_bytes(), mode });
        Ok(())
    }

    fn projection(&self, one: &VolumeProjection, mode: Option<i32>, payload: &mut Payload) -> Result<(), VolumeError> {
        if let Some(map) = &one.config_map {
            let wanted = Wanted::new(&map.name, map.items.as_deref(), map.optional, mode);
            self.config_map(&wanted, payload)
        } else if let Some(secret) = &one.secret {
            let wanted = Wanted::new(&secret.name, secret.items.as_deref(), secret.optional, mode);
            self.secret(&wanted, payload)
        } else if let Some(downward) = &one.downward_api {
            self.downward(downward.items.iter().flatten(), mode, payload)
        } else if let Some(token) = &one.service_account_token {
            self.token(token, payload)
        } else {
            Err(VolumeError::Projection)
        }
    }
}

fn absent(kind: ObjectKind, wanted: &Wanted<'_>) -> Result<(), VolumeError> {
    if wanted.optional {
        return Ok(());
    }
    Err(VolumeError::NoObject { kind: kind.lower_name(), name: wanted.name.to_owned() })
}

/// Adds the wanted keys, or all if none are named.
fn add(
    mut data: BTreeMap<String, Vec<u8>>,
    wanted: &Wanted<'_>,
    missing: &'static str,
    payload: &mut Payload,
) -> Result<(), VolumeError> {
    if wanted.items.is_empty() {
        let file = |content| File { content, mode: mode(wanted.mode) };
        payload.extend(data.into_iter().map(|(key, content)| (key, file(content))));
        return Ok(());
    }
    for item in wanted.items {
        // One key may become several files.
        let is_last = wanted.items.iter().filter(|other| other.key == item.key).count() == 1;
        let content = if is_last { data.remove(&item.key) } else { data.get(&item.key).cloned() };
        match content {
            Some(content) => {
                let file = File { content, mode: mode(item.mode.unwrap_or(wanted.mode)) };
                payload.insert(item.path.clone(), file);
            }
            None if wanted.optional => {}
            None => return Err(VolumeError::NoKey { missing, key: item.key.clone() }),
        }
    }
    Ok(())
}

fn mode(mode: i32) -> u32 {
    // Validated to be between 0 and 0777.
    u32::try_from(mode).unwrap_or_default() & 0o777
}

/// `key="value"` a line, by key, the values with Go's escapes.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines: Vec<String> =
        map.into_iter().flatten().map(|(key, value)| format!("{key}={}", BadValue::from(value))).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::tests::with;
    use crate::paths::NodePaths;
    use serde_json::{Value, json};

    fn shown(volume: Value) -> Result<Vec<(String, String, u32)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
            "data": {"a": "1", "b": "2"}, "binaryData": {"z": "eA=="}});
        let objects = with(&NodePaths::new(folder.path()), &[map]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "labels": {"b": "x\"y", "a": "1"}},
            "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]}
        }))
        .unwrap();
        let machine = Machine { memory_bytes: 1 << 30, milli_cpu: 4_000 };
        let mut volume = volume;
        volume["name"] = json!("v");
        let volume: Volume = serde_json::from_value(volume).unwrap();
        let payload = of(&volume, Sources { pod: &pod, objects: &objects, machine: &machine });
        let payload = payload.map_err(|e| e.to_string())?.unwrap();
        let text = |file: File| String::from_utf8(file.content).unwrap();
        Ok(payload.into_iter().map(|(path, file)| (path, text(file.clone()), file.mode)).collect())
    }

    fn files(list: &[(&str, &str, u32)]) -> Vec<(String, String, u32)> {
        list.iter().map(|(path, content, mode)| ((*path).to_owned(), (*content).to_owned(), *mode)).collect()
    }

    #[test]
    fn all_keys_or_the_named_ones_become_files_with_their_modes() {
        let all = shown(json!({"configMap": {"name": "m"}})).unwrap();
        assert_eq!(all, files(&[("a", "1", 0o644), ("b", "2", 0o644), ("z", "x", 0o644)]));
        let items = json!([{"key": "a", "path": "x/y"}, {"key": "a", "path": "z", "mode": 0o400}]);
        let some = shown(json!({"configMap": {"name": "m", "defaultMode": 0o600, "items": items}})).unwrap();
        assert_eq!(some, files(&[("x/y", "1", 0o600), ("z", "1", 0o400)]));
    }

    #[test]
    fn what_is_missing_is_told_unless_it_is_optional() {
        let of = |name: &str, key: &str, optional: bool| {
            shown(json!({"configMap": {"name": name, "optional": optional, "items": [{"key": key, "path": "p"}]}}))
        };
        assert_eq!(of("none", "a", false).unwrap_err(), "configmap \"none\" not found");
        assert_eq!(of("m", "x", false).unwrap_err(), "configmap references non-existent config key: x");
        assert!(of("none", "a", true).unwrap().is_empty() && of("m", "x", true).unwrap().is_empty());
        assert_eq!(shown(json!({"secret": {"secretName": "s"}})).unwrap_err(), "secret \"s\" not found");
    }

    #[test]
    fn sources_are_projected_into_one_folder() {
        let downward = json!([
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
            {"path": "one", "fieldRef": {"fieldPath": "metadata.labels['a']"}, "mode": 0o440},
            {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu"}}]);
        let sources = json!([{"configMap": {"name": "m", "items": [{"key": "a", "path": "map/a"}]}}, {"downwardAPI": {"items": downward}}]);
        let found = shown(json!({"projected": {"defaultMode": 0o444, "sources": sources}})).unwrap();
        let labels = "a=\"1\"\nb=\"x\\\"y\"";
        let expected = [("cpu", "2", 0o444), ("labels", labels, 0o444), ("map/a", "1", 0o444), ("one", "1", 0o440)];
        assert_eq!(found, files(&expected));
    }
}
