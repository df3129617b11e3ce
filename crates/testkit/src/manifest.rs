//! Manifests for tests, as short as what they say.
//!
//! ```
//! use reprise_testkit::manifest::{Container, Pod};
//! let pod = Pod::new("worker")
//!     .empty_dir("data")
//!     .init(Container::new("setup", &["count", "/data/setups"]).mount("data", "/data"))
//!     .container(
//!         Container::new("main", &["count", "/data/runs", "exit-if", "/data/runs", "eq", "1", "88", "forever"])
//!             .mount("data", "/data")
//!             .policy("Never")
//!             .restart_all_on(&[88]),
//!     )
//!     .build();
//! assert_eq!(pod["spec"]["containers"][0]["restartPolicyRules"][0]["exitCodes"]["values"][0], 88);
//! ```

use serde_json::{Map, Value, json};

use crate::image::TESTLOAD_IMAGE;

/// A Pod being put together. Its restart policy is `Never` unless said otherwise, so that runs end.
#[derive(Debug, Clone)]
pub struct Pod {
    metadata: Map<String, Value>,
    spec: Map<String, Value>,
}

impl Pod {
    /// A Pod in the namespace `default`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut metadata = Map::new();
        metadata.insert("name".into(), json!(name));
        let mut spec = Map::new();
        spec.insert("restartPolicy".into(), json!("Never"));
        // The default of 30 s would only make failing tests slow.
        spec.insert("terminationGracePeriodSeconds".into(), json!(2));
        Self { metadata, spec }
    }

    /// Sets `restartPolicy`.
    #[must_use]
    pub fn policy(self, policy: &str) -> Self {
        self.spec("restartPolicy", json!(policy))
    }

    /// Sets an annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        let annotations = self.metadata.entry("annotations").or_insert_with(|| json!({}));
        annotations[name] = json!(value);
        self
    }

    /// Sets a field of the spec.
    #[must_use]
    pub fn spec(mut self, field: &str, value: Value) -> Self {
        self.spec.insert(field.to_owned(), value);
        self
    }

    /// Adds an emptyDir on disk.
    #[must_use]
    pub fn empty_dir(self, name: &str) -> Self {
        self.volume(json!({ "name": name, "emptyDir": {} }))
    }

    /// Adds a folder of the host: by it, tests see and steer what containers do.
    #[must_use]
    pub fn host_path(self, name: &str, path: &std::path::Path) -> Self {
        self.volume(json!({ "name": name, "hostPath": { "path": path, "type": "Directory" } }))
    }

    /// Adds any volume.
    #[must_use]
    pub fn volume(self, volume: Value) -> Self {
        self.push("volumes", volume)
    }

    /// Adds an init container (a sidecar if its policy is `Always`).
    #[must_use]
    pub fn init(self, container: Container) -> Self {
        self.push("initContainers", Value::Object(container.fields))
    }

    /// Adds a regular container.
    #[must_use]
    pub fn container(self, container: Container) -> Self {
        self.push("containers", Value::Object(container.fields))
    }

    /// The manifest.
    #[must_use]
    pub fn build(self) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": self.metadata, "spec": self.spec })
    }

    fn push(mut self, list: &str, item: Value) -> Self {
        push(&mut self.spec, list, item);
        self
    }
}

/// A container being put together.
#[derive(Debug, Clone)]
pub struct Container {
    fields: Map<String, Value>,
}

impl Container {
    /// A container of the test workload that takes these steps.
    #[must_use]
    pub fn new(name: &str, steps: &[&str]) -> Self {
        Self::of_image(name, TESTLOAD_IMAGE).field("args", json!(steps))
    }

    /// A container of an image that was imported.
    #[must_use]
    pub fn of_image(name: &str, image: &str) -> Self {
        let container = Self { fields: Map::new() };
        container.field("name", json!(name)).field("image", json!(image)).field("imagePullPolicy", json!("Never"))
    }

    /// Sets any field.
    #[must_use]
    pub fn field(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// Sets `restartPolicy`.
    #[must_use]
    pub fn policy(self, policy: &str) -> Self {
        self.field("restartPolicy", json!(policy))
    }

    /// Makes an init container a sidecar.
    #[must_use]
    pub fn sidecar(self) -> Self {
        self.policy("Always")
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        push(&mut self.fields, "env", json!({ "name": name, "value": value }));
        self
    }

    /// Mounts a volume of the Pod.
    #[must_use]
    pub fn mount(mut self, volume: &str, path: &str) -> Self {
        push(&mut self.fields, "volumeMounts", json!({ "name": volume, "mountPath": path }));
        self
    }

    /// A rule that restarts the whole Pod in place after one of these exit codes.
    #[must_use]
    pub fn restart_all_on(self, codes: &[i32]) -> Self {
        self.rule("RestartAllContainers", codes)
    }

    /// A rule that restarts this container after one of these exit codes.
    #[must_use]
    pub fn restart_on(self, codes: &[i32]) -> Self {
        self.rule("Restart", codes)
    }

    fn rule(mut self, action: &str, codes: &[i32]) -> Self {
        let exit_codes = json!({ "operator": "In", "values": codes });
        push(&mut self.fields, "restartPolicyRules", json!({ "action": action, "exitCodes": exit_codes }));
        self
    }
}

/// Adds to a list, which is made if it is not there.
fn push(fields: &mut Map<String, Value>, list: &str, item: Value) {
    if let Value::Array(items) = fields.entry(list).or_insert_with(|| json!([])) {
        items.push(item);
    }
}
