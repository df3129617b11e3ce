//! Published names: labels, annotations and values of fields.

/// Label and annotation of Jobs and Pods: the name of their JobSet.
pub const JOBSET_NAME: &str = "jobset.sigs.k8s.io/jobset-name";
/// Label and annotation: the UID of the JobSet.
pub const JOBSET_UID: &str = "jobset.sigs.k8s.io/jobset-uid";
/// Label and annotation: the name of the entry of `replicatedJobs`.
pub const REPLICATED_JOB_NAME: &str = "jobset.sigs.k8s.io/replicatedjob-name";
/// Label and annotation: how many Jobs that entry has.
pub const REPLICATED_JOB_REPLICAS: &str = "jobset.sigs.k8s.io/replicatedjob-replicas";
/// Label and annotation: how many Jobs the JobSet has.
pub const GLOBAL_REPLICAS: &str = "jobset.sigs.k8s.io/global-replicas";
/// Label and annotation: the Job's index within its entry.
pub const JOB_INDEX: &str = "jobset.sigs.k8s.io/job-index";
/// Label and annotation: the Job's index within the JobSet.
pub const JOB_GLOBAL_INDEX: &str = "jobset.sigs.k8s.io/job-global-index";
/// Label and annotation: a hash of the Job's namespace and name.
pub const JOB_KEY: &str = "jobset.sigs.k8s.io/job-key";
/// Label and annotation: the group of the entry.
pub const GROUP_NAME: &str = "jobset.sigs.k8s.io/group-name";
/// Label and annotation: how many Jobs the group has.
pub const GROUP_REPLICAS: &str = "jobset.sigs.k8s.io/group-replicas";
/// Label and annotation: the Job's index within its group.
pub const JOB_GROUP_INDEX: &str = "jobset.sigs.k8s.io/job-group-index";
/// Label and annotation: how often the whole JobSet had been restarted when the Job was made.
pub const RESTART_ATTEMPT: &str = "jobset.sigs.k8s.io/restart-attempt";
/// Label and annotation: how often the Job alone had been restarted when it was made.
pub const JOB_RESTART_ATTEMPT: &str = "jobset.sigs.k8s.io/job-restart-attempt";
/// Label and annotation: where the coordinator can be reached.
pub const COORDINATOR: &str = "jobset.sigs.k8s.io/coordinator";
/// Annotation of a JobSet or of the template of a Job: each Job has a topology domain to itself. Its value is a label of nodes.
pub const EXCLUSIVE_TOPOLOGY: &str = "alpha.jobset.sigs.k8s.io/exclusive-topology";
/// Annotation: exclusive placement by labels that somebody gave the nodes, not by affinity.
pub const NODE_SELECTOR_STRATEGY: &str = "alpha.jobset.sigs.k8s.io/node-selector";
/// Label of nodes under that strategy: the Job that has them.
pub const NAMESPACED_JOB: &str = "alpha.jobset.sigs.k8s.io/namespaced-job";
/// Taint of nodes under that strategy.
pub const NO_SCHEDULE_TAINT: &str = "alpha.jobset.sigs.k8s.io/no-schedule";

/// Annotation of a Pod, written by the restart agent in it: the attempt that the Pod has reached.
pub const IN_PLACE_RESTART_ATTEMPT: &str = "jobset.sigs.k8s.io/in-place-restart-attempt";
/// Annotation of a JobSet: its Pods have no barrier and do not restart in place.
pub const DISABLE_IN_PLACE_RESTART: &str = "jobset.sigs.k8s.io/disable-in-place-restart";
/// The field manager under which the restart agent writes its annotation.
pub const RESTART_AGENT_FIELD_MANAGER: &str = "in-place-restart-agent";

/// The value of `spec.managedBy` that means the controller of JobSets itself.
pub const CONTROLLER: &str = "jobset.sigs.k8s.io/jobset-controller";

/// `restartStrategy`: each Job is made anew as soon as it is gone.
pub const RECREATE: &str = "Recreate";
/// `restartStrategy`: Jobs are made anew once all are gone.
pub const BLOCKING_RECREATE: &str = "BlockingRecreate";
/// `restartStrategy`: Pods that can be saved restart in place.
pub const IN_PLACE_RESTART: &str = "InPlaceRestart";
