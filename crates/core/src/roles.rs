//! Which containers a Pod has, what each one is, and which restart policy and rules hold for it.
//!
//! Kubernetes spreads this over three lists and two policy fields; every decision in this crate reads
//! it from here, so that "sidecar" or "the policy that holds" is worked out in one place.

use k8s_openapi::api::core::v1::{Container, ContainerRestartRule, EphemeralContainer, Pod, PodSpec};

/// What a container is to its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An init container that runs to its end before the next one starts.
    Init,
    /// An init container with its own `restartPolicy: Always`: it starts in its place and goes on running.
    Sidecar,
    /// A container of `spec.containers`.
    Regular,
}

/// A restart policy, of a Pod or of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Restart after every exit.
    Always,
    /// Restart after an exit with a code other than 0.
    OnFailure,
    /// Never restart.
    Never,
}

impl RestartPolicy {
    /// Reads a policy as the API spells it; unset or unknown is `Always`, the API's default.
    #[must_use]
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }
}

/// One container of a Pod's spec with what follows from its place in it.
#[derive(Debug, Clone, Copy)]
pub struct PodContainer<'a> {
    /// What it is to the Pod.
    pub role: Role,
    /// The container as written.
    pub spec: &'a Container,
    /// Its index in its own list, as in `spec.initContainers[0]`.
    pub index: usize,
    /// The policy that holds for it when no rule matches.
    pub policy: RestartPolicy,
}

impl<'a> PodContainer<'a> {
    /// The container's name, unique within the Pod.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.spec.name
    }

    /// Its restart rules, in order.
    #[must_use]
    pub fn rules(&self) -> &'a [ContainerRestartRule] {
        self.spec.restart_policy_rules.as_deref().unwrap_or_default()
    }

    /// Where it stands in the spec, as Events name it: `spec.initContainers{setup}`.
    #[must_use]
    pub fn field_path(&self) -> String {
        let list = if self.role == Role::Regular { "containers" } else { "initContainers" };
        format!("spec.{list}{{{}}}", self.name())
    }
}

/// The init containers and sidecars in order, then the regular containers. Ephemeral containers have
/// no epoch and no policy and are not among them.
#[must_use]
pub fn containers(pod: &Pod) -> Vec<PodContainer<'_>> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let init = spec.init_containers.iter().flatten().enumerate().map(|(index, c)| init_container(spec, index, c));
    let regular = spec.containers.iter().enumerate().map(|(index, c)| PodContainer {
        role: Role::Regular,
        spec: c,
        index,
        policy: own_or_pod_policy(spec, c),
    });
    init.chain(regular).collect()
}

/// An ephemeral container as what it has in common with others: all but the container that it looks at.
#[must_use]
pub fn ephemeral_as_container(ephemeral: &EphemeralContainer) -> Container {
    let own = ephemeral.clone();
    Container {
        args: own.args,
        command: own.command,
        env: own.env,
        env_from: own.env_from,
        image: own.image,
        image_pull_policy: own.image_pull_policy,
        lifecycle: own.lifecycle,
        liveness_probe: own.liveness_probe,
        name: own.name,
        ports: own.ports,
        readiness_probe: own.readiness_probe,
        resize_policy: own.resize_policy,
        resources: own.resources,
        restart_policy: own.restart_policy,
        restart_policy_rules: own.restart_policy_rules,
        security_context: own.security_context,
        startup_probe: own.startup_probe,
        stdin: own.stdin,
        stdin_once: own.stdin_once,
        termination_message_path: own.termination_message_path,
        termination_message_policy: own.termination_message_policy,
        tty: own.tty,
        volume_devices: own.volume_devices,
        volume_mounts: own.volume_mounts,
        working_dir: own.working_dir,
    }
}

fn init_container<'a>(spec: &'a PodSpec, index: usize, c: &'a Container) -> PodContainer<'a> {
    let sidecar = c.restart_policy.as_deref() == Some("Always");
    let policy = match own_or_pod_policy(spec, c) {
        // "Always" of the Pod means, for an init container, "until it has succeeded".
        RestartPolicy::Always if !sidecar => RestartPolicy::OnFailure,
        policy => policy,
    };
    PodContainer { role: if sidecar { Role::Sidecar } else { Role::Init }, spec: c, index, policy }
}

fn own_or_pod_policy(spec: &PodSpec, c: &Container) -> RestartPolicy {
    RestartPolicy::of(c.restart_policy.as_deref().or(spec.restart_policy.as_deref()))
}
