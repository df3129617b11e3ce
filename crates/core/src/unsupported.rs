//! What a valid Pod may ask for and this version of the node does not do yet.
//!
//! A field that the node would have to ignore is never ignored in silence. If the Pod would be wrong or
//! could not start without it, it is an error and the Pod is not started; if the Pod works without it, it is
//! a warning. Each names the field and says "not supported yet".

mod container;
mod object;
mod pod;
mod volume;

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};

use crate::field::FieldPath;
use crate::objects::ApiObject;
use crate::roles::ephemeral_as_container;
use crate::unset::list;

/// One field that is not supported yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The field.
    pub field: FieldPath,
    /// What follows from it.
    pub consequence: String,
    /// What it takes.
    pub need: Need,
}

/// What a field needs to be honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Another version of the node.
    Node,
    /// A Kubernetes API and its controllers.
    Cluster,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not supported yet: {}", self.field, self.consequence)
    }
}

/// Everything in a Pod or another object that is not supported yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsupported {
    /// It must not be used.
    pub errors: Vec<Gap>,
    /// It works without.
    pub warnings: Vec<Gap>,
}

impl Unsupported {
    fn error(&mut self, field: FieldPath, consequence: &str) {
        self.errors.push(Gap { field, consequence: consequence.to_owned(), need: Need::Node });
    }

    fn warn(&mut self, field: FieldPath, consequence: &str) {
        self.warnings.push(Gap { field, consequence: consequence.to_owned(), need: Need::Node });
    }

    fn error_alone(&mut self, field: FieldPath, consequence: &str) {
        self.errors.push(Gap { field, consequence: consequence.to_owned(), need: Need::Cluster });
    }

    fn warn_alone(&mut self, field: FieldPath, consequence: &str) {
        self.warnings.push(Gap { field, consequence: consequence.to_owned(), need: Need::Cluster });
    }
}

/// Looks through a Pod that is valid and has its defaults.
#[must_use]
pub fn find(pod: &Pod) -> Unsupported {
    let mut found = Unsupported::default();
    let Some(spec) = &pod.spec else { return found };
    let path = FieldPath::new("spec");
    pod::find(spec, &path, &mut found);
    for (i, volume) in list(&spec.volumes).iter().enumerate() {
        volume::find(volume, &path.child("volumes").index(i), &mut found);
    }
    for (path, container) in containers(spec, &path) {
        container::find(&container, &path, &mut found);
    }
    found
}

/// The same for a Pod that a cluster has bound to a node. What needs an API is there then, and it was placed by a scheduler.
#[must_use]
pub fn find_in_cluster(pod: &Pod) -> Unsupported {
    let mut found = find(pod);
    found.errors.retain(|gap| gap.need != Need::Cluster);
    found.warnings.retain(|gap| gap.need != Need::Cluster);
    found
}

/// What a Pod asks of SELinux, for a node whose kernel has none.
#[must_use]
pub fn find_selinux(pod: &Pod) -> Unsupported {
    const CONSEQUENCE: &str = "the kernel has no SELinux, nothing is labelled";
    let mut found = Unsupported::default();
    let Some(spec) = &pod.spec else { return found };
    let path = FieldPath::new("spec");
    let field = |path: &FieldPath| path.child("securityContext").child("seLinuxOptions");
    if spec.security_context.as_ref().is_some_and(|context| context.se_linux_options.is_some()) {
        found.warn(field(&path), CONSEQUENCE);
    }
    for (path, container) in containers(spec, &path) {
        if container.security_context.as_ref().is_some_and(|context| context.se_linux_options.is_some()) {
            found.warn(field(&path), CONSEQUENCE);
        }
    }
    found
}

/// The containers of all three lists, each with its path.
fn containers<'a>(spec: &'a PodSpec, path: &FieldPath) -> Vec<(FieldPath, Cow<'a, Container>)> {
    let placed = |name: &'static str| {
        let path = path.child(name);
        move |(i, container)| (path.index(i), container)
    };
    let init = list(&spec.init_containers).iter().map(Cow::Borrowed).enumerate().map(placed("initContainers"));
    let regular = spec.containers.iter().map(Cow::Borrowed).enumerate().map(placed("containers"));
    let ephemeral = list(&spec.ephemeral_containers).iter().map(|c| Cow::Owned(ephemeral_as_container(c)));
    init.chain(regular).chain(ephemeral.enumerate().map(placed("ephemeralContainers"))).collect()
}

/// Looks through an object that Pods refer to.
#[must_use]
pub fn find_in_object(object: &ApiObject) -> Unsupported {
    let mut found = Unsupported::default();
    object::find(object, &mut found);
    found
}

#[cfg(test)]
mod tests;
