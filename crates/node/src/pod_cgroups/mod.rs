//! The cgroups of Pods, in the kubelet's layout:
//!
//! ```text
//! <root>/kubepods                        what all Pods may use together
//!          pod<uid>/<container>          Guaranteed
//!          burstable/pod<uid>/...        as much of the processors as these Pods request in all
//!          besteffort/pod<uid>/...       what the others leave
//! ```
//!
//! The node makes those of Pods and what is above them, the runtime those of containers. A Pod's cgroup is made before its
//! sandbox, stays over all epochs, and goes before the Pod's record does: so nobody needs to look for those of Pods that
//! nobody knows.

mod limits;
pub(crate) mod path;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use reprise_cgroups as cgroups;
use reprise_cgroups::limits::LimitError;
use reprise_core::qos::qos_class;
use reprise_core::resources::ResourceList;
use reprise_cri::v1::LinuxContainerResources;

use crate::config::NodeConfig;
use crate::pod_key::uid_of;

/// Why a cgroup is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CgroupError {
    /// It can't be made.
    #[error("can't make the cgroup {cgroup}")]
    Make { cgroup: String, source: io::Error },
    /// A limit can't be set.
    #[error("can't limit the cgroup {cgroup}")]
    Limit { cgroup: String, source: LimitError },
    /// It can't be removed.
    #[error("the cgroup {cgroup} still has processes")]
    Busy { cgroup: String },
}

/// The cgroups of the node's Pods.
#[derive(Debug)]
pub(crate) struct PodCgroups {
    /// None: the runtime makes cgroups as it likes.
    root: Option<String>,
    pids_limit: Option<i64>,
    /// What all Pods may use together.
    of_all: LinuxContainerResources,
    /// Held while anything is made or removed, so that nobody removes what another is about to build on.
    here: Mutex<Here>,
}

#[derive(Debug, Default)]
struct Here {
    /// The Pods that have a cgroup, by UID.
    pods: BTreeMap<String, Member>,
    /// Whether the cgroup of all Pods is made.
    made: bool,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    class: &'static str,
    requested_milli_cpu: i64,
}

impl Member {
    fn of(pod: &Pod) -> Self {
        Self { class: qos_class(pod), requested_milli_cpu: limits::requested_milli_cpu(pod) }
    }
}

impl PodCgroups {
    /// Those of a node that has `capacity` and of which the Pods `known` are there from before.
    pub(crate) fn new(config: &NodeConfig, capacity: &ResourceList, known: &[Pod]) -> Self {
        let usable = config.reservations.usable(capacity);
        let of_all = if config.enforce_node_allocatable { limits::of_all(&usable) } else { limits::none() };
        let pods = known.iter().map(|pod| (uid_of(pod).to_owned(), Member::of(pod))).collect();
        Self {
            root: config.cgroup_root.clone(),
            pids_limit: config.pids_limit,
            of_all,
            here: Mutex::new(Here { pods, made: false }),
        }
    }

    /// Makes the Pod's cgroup with its limits. Safe to repeat.
    pub(crate) fn set_up(&self, pod: &Pod) -> Result<(), CgroupError> {
        let Some(root) = &self.root else { return Ok(()) };
        let (mut here, member) = (self.here(), Member::of(pod));
        if !here.made {
            make(&path::of_all(root), &self.of_all)?;
            here.made = true;
        }
        here.pods.insert(uid_of(pod).to_owned(), member);
        self.set_up_class(root, member.class, &here)?;
        make(&path::of_pod(root, pod), &limits::of_pod(pod, self.pids_limit))
    }

    /// Ends what is left in the Pod's cgroup and removes it; with the last Pod go the cgroups of all. Safe to repeat.
    pub(crate) fn remove(&self, pod: &Pod) -> Result<(), CgroupError> {
        let Some(root) = &self.root else { return Ok(()) };
        let (mut here, cgroup) = (self.here(), path::of_pod(root, pod));
        cgroups::kill_all(&cgroup);
        if !cgroups::remove(&cgroup) {
            return Err(CgroupError::Busy { cgroup });
        }
        here.pods.remove(uid_of(pod));
        self.tidy(root, qos_class(pod), &mut here)
    }

    /// The same for a Pod of which nothing is known any more but its UID.
    pub(crate) fn remove_gone(&self, uid: &str) -> Result<(), CgroupError> {
        let Some(root) = &self.root else { return Ok(()) };
        let mut here = self.here();
        if here.pods.contains_key(uid) {
            return Ok(());
        }
        for class in path::CLASSES {
            let cgroup = path::of_uid(root, class, uid);
            if !cgroups::exists(&cgroup) {
                continue;
            }
            cgroups::kill_all(&cgroup);
            if !cgroups::remove(&cgroup) {
                return Err(CgroupError::Busy { cgroup });
            }
            self.tidy(root, class, &mut here)?;
        }
        Ok(())
    }

    /// A Pod of `class` has gone.
    fn tidy(&self, root: &str, class: &str, here: &mut Here) -> Result<(), CgroupError> {
        if here.pods.values().any(|member| member.class == class) {
            return self.set_up_class(root, class, here);
        }
        cgroups::remove_if_empty(&path::of_class(root, class));
        if here.pods.is_empty() {
            here.made = false;
            cgroups::remove_if_empty(&path::of_all(root));
            cgroups::remove_if_empty(root);
        }
        Ok(())
    }

    /// The cgroup of a class has the weight of all its Pods together.
    fn set_up_class(&self, root: &str, class: &str, here: &Here) -> Result<(), CgroupError> {
        let members = here.pods.values().filter(|member| member.class == class);
        let requested = members.map(|member| member.requested_milli_cpu).fold(0, i64::saturating_add);
        match class {
            "Burstable" => make(&path::of_class(root, class), &limits::of_weight(requested)),
            "BestEffort" => make(&path::of_class(root, class), &limits::of_weight(0)),
            _ => Ok(()),
        }
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(cgroup: &str, limits: &LinuxContainerResources) -> Result<(), CgroupError> {
    let name = || cgroup.to_owned();
    cgroups::make(cgroup).map_err(|source| CgroupError::Make { cgroup: name(), source })?;
    cgroups::limits::apply(cgroup, &limits::none(), limits)
        .map_err(|source| CgroupError::Limit { cgroup: name(), source })
}
