//! What a Pod's `imagePullSecrets` have for an image. A secret that is not there or can't be used is told and left out, as with the
//! kubelet: the image may be had without it.

use k8s_openapi::api::core::v1::{Pod, Secret};
use reprise_core::registry_credentials::{Credential, for_image};
use reprise_cri::v1::AuthConfig;

use crate::objects::Objects;
use crate::pod_key::PodKey;

/// The credentials to try, best first, and what is wrong with secrets.
pub(crate) fn of_pod(pod: &Pod, image: &str, objects: &Objects) -> (Vec<AuthConfig>, Vec<String>) {
    let namespace = PodKey::of(pod).namespace;
    let references = pod.spec.iter().flat_map(|spec| spec.image_pull_secrets.iter().flatten());
    let (mut secrets, mut missing): (Vec<Secret>, Vec<&str>) = (Vec::new(), Vec::new());
    for reference in references {
        match objects.secret(&namespace, &reference.name) {
            Some(secret) => secrets.push(secret),
            None => missing.push(&reference.name),
        }
    }
    let (found, errors) = for_image(image, &secrets);
    let mut problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
    if !missing.is_empty() {
        let names = missing.join(", ");
        problems.push(format!(
            "Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed."
        ));
    }
    (found.into_iter().map(auth).collect(), problems)
}

fn auth(credential: Credential) -> AuthConfig {
    let Credential { username, password, identity_token } = credential;
    AuthConfig { username, password, identity_token, ..AuthConfig::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::tests::with;
    use crate::paths::NodePaths;

    #[test]
    fn a_private_image_is_pulled_with_the_credentials_of_the_pod_s_secrets() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        // {"auths":{"r.example":{"username":"u","password":"p"}}}
        let data = "eyJhdXRocyI6eyJyLmV4YW1wbGUiOnsidXNlcm5hbWUiOiJ1IiwicGFzc3dvcmQiOiJwIn19fQ==";
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": data}});
        let objects = with(&NodePaths::new(folder.path()), &[secret]);
        let pod = json!({"metadata": {"namespace": "n"}, "spec": {"containers": [],
            "imagePullSecrets": [{"name": "s"}, {"name": "gone"}]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let (found, problems) = of_pod(&pod, "r.example/a:1", &objects);
        assert_eq!((found[0].username.as_str(), found[0].password.as_str(), found.len()), ("u", "p", 1));
        assert!(problems.len() == 1 && problems[0].contains("(gone)"), "{problems:?}");
        assert!(of_pod(&pod, "other.example/a:1", &objects).0.is_empty());
        objects.clear().unwrap();
    }
}
