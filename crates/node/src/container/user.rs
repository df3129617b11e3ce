//! Who a container runs as, and whether `runAsNonRoot` allows that.

use k8s_openapi::api::core::v1::{Container, Pod};

use super::error::ConfigError;
use crate::pod_key::{PodKey, uid_of};

/// The user that an image names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageUser {
    /// A numeric one.
    pub uid: Option<i64>,
    /// One by name.
    pub name: String,
}

/// What the security contexts and the image come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub uid: Option<i64>,
    pub name: String,
    pub gid: Option<i64>,
}

/// The container's context wins over the Pod's, and both over the image.
pub(crate) fn effective(pod: &Pod, container: &Container, image: &ImageUser) -> Result<User, ConfigError> {
    let of_pod = pod.spec.as_ref().and_then(|s| s.security_context.as_ref());
    let own = container.security_context.as_ref();
    let asked = own.and_then(|c| c.run_as_user).or(of_pod.and_then(|c| c.run_as_user));
    let gid = own.and_then(|c| c.run_as_group).or(of_pod.and_then(|c| c.run_as_group));
    let non_root = own.and_then(|c| c.run_as_non_root).or(of_pod.and_then(|c| c.run_as_non_root));
    if non_root == Some(true) {
        verify(pod, container, asked, image)?;
    }
    Ok(match asked {
        Some(uid) => User { uid: Some(uid), name: String::new(), gid },
        None => User { uid: image.uid, name: image.name.clone(), gid },
    })
}

/// An image that names nobody runs as root.
fn verify(pod: &Pod, container: &Container, asked: Option<i64>, image: &ImageUser) -> Result<(), ConfigError> {
    let PodKey { namespace, name } = PodKey::of(pod);
    let pod = format!("{name}_{namespace}({})", uid_of(pod));
    let container = container.name.clone();
    match (asked, image.uid) {
        (Some(0), _) => Err(ConfigError::RunAsUserIsRoot { pod, container }),
        (Some(_), _) => Ok(()),
        (None, Some(0)) => Err(ConfigError::ImageIsRoot { pod, container }),
        (None, Some(_)) => Ok(()),
        (None, None) if image.name.is_empty() => Err(ConfigError::ImageIsRoot { pod, container }),
        (None, None) => Err(ConfigError::ImageUserIsName { user: image.name.clone(), pod, container }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(of_pod: Value, own: Value, image: &ImageUser) -> Result<User, ConfigError> {
        let pod = json!({
            "metadata": {"name": "p", "uid": "u"},
            "spec": {"securityContext": of_pod, "containers": [{"name": "c", "securityContext": own}]}
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        effective(&pod, &pod.spec.as_ref().unwrap().containers[0], image)
    }

    fn image(uid: Option<i64>, name: &str) -> ImageUser {
        ImageUser { uid, name: name.to_owned() }
    }

    #[test]
    fn the_container_wins_over_the_pod_and_the_pod_over_the_image() {
        let user = of(json!({"runAsUser": 5, "runAsGroup": 6}), json!({"runAsUser": 7}), &image(Some(9), "")).unwrap();
        assert_eq!(user, User { uid: Some(7), name: String::new(), gid: Some(6) });
        assert_eq!(of(json!({}), json!({}), &image(None, "nobody")).unwrap().name, "nobody");
    }

    #[test]
    fn run_as_non_root_refuses_root_and_what_may_be_root() {
        let non_root = json!({"runAsNonRoot": true});
        let message = |image: &ImageUser| of(non_root.clone(), json!({}), image).unwrap_err().to_string();
        let root = "container has runAsNonRoot and image will run as root (pod: \"p_default(u)\", container: c)";
        assert_eq!(message(&image(Some(0), "")), root);
        assert_eq!(message(&image(None, "")), root);
        assert!(message(&image(None, "www")).contains("non-numeric user (www)"));
        assert!(of(non_root.clone(), json!({"runAsUser": 1000}), &image(None, "")).is_ok());
        assert!(of(non_root.clone(), json!({"runAsNonRoot": false}), &image(None, "")).is_ok());
        assert!(of(non_root, json!({"runAsUser": 0}), &image(Some(5), "")).is_err());
    }
}
