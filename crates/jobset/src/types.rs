//! The types of JobSets, after their published definition.

use k8s_openapi::api::batch::v1::JobTemplateSpec;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};

use crate::schema::described;

described! {
    /// A group of Jobs that run as one.
    JobSet {
        /// The version of this form of the object.
        api_version: String as String => "apiVersion",
        /// The kind of the object.
        kind: String as String => "kind",
        /// The object's metadata.
        metadata: ObjectMeta as ObjectMeta => "metadata",
        /// What is wanted.
        spec: Option<JobSetSpec> as JobSetSpec => "spec",
        /// What was seen last.
        status: Option<JobSetStatus> as JobSetStatus => "status",
    }

    /// What is wanted of a JobSet.
    JobSetSpec {
        /// The groups of equal Jobs that make up the set.
        replicated_jobs: Vec<ReplicatedJob> as Vec<ReplicatedJob> => "replicatedJobs",
        /// How the Pods of the set find each other. It can't be changed.
        network: Option<Network> as Network => "network",
        /// When the set counts as succeeded. It can't be changed.
        success_policy: Option<SuccessPolicy> as SuccessPolicy => "successPolicy",
        /// What follows from a Job that fails. It can't be changed.
        failure_policy: Option<FailurePolicy> as FailurePolicy => "failurePolicy",
        /// In which order Jobs are started. It can't be changed; dependsOn takes its place.
        startup_policy: Option<StartupPolicy> as StartupPolicy => "startupPolicy",
        /// Whether all Jobs are suspended.
        suspend: Option<bool> as bool => "suspend",
        /// Which Pod all others are told of as the coordinator.
        coordinator: Option<Coordinator> as Coordinator => "coordinator",
        /// Which controller looks after the set, as a path such as acme.io/foo. It can't be changed.
        managed_by: Option<String> as String => "managedBy",
        /// How long the set is kept after it has ended, in seconds.
        ttl_seconds_after_finished: Option<i32> as i32 => "ttlSecondsAfterFinished",
        /// Claims that the Jobs of the set share. They can't be changed.
        volume_claim_policies: Vec<VolumeClaimPolicy> as Vec<VolumeClaimPolicy> => "volumeClaimPolicies",
    }

    /// Equal Jobs.
    ReplicatedJob {
        /// The name, a part of the names of its Jobs.
        name: String as String => "name",
        /// The group that it belongs to.
        group_name: Option<String> as String => "groupName",
        /// The Job that is made.
        template: JobTemplateSpec as JobTemplateSpec => "template",
        /// How many Jobs are made.
        replicas: Option<i32> as i32 => "replicas",
        /// What must be ready or complete before these Jobs are made. It can't be changed.
        depends_on: Vec<DependsOn> as Vec<DependsOn> => "dependsOn",
    }

    /// What must be so before Jobs are made.
    DependsOn {
        /// The name of an earlier entry of replicatedJobs.
        name: String as String => "name",
        /// What its Jobs must be: Ready or Complete.
        status: String as String => "status",
    }

    /// How Pods find each other.
    Network {
        /// Whether Pods have host names that can be looked up.
        enable_dns_hostnames: Option<bool> as bool => "enableDNSHostnames",
        /// The subdomain of these names; the set's name if it is not given.
        subdomain: Option<String> as String => "subdomain",
        /// Whether Pods that are not ready can be looked up.
        publish_not_ready_addresses: Option<bool> as bool => "publishNotReadyAddresses",
    }

    /// When a set counts as succeeded.
    SuccessPolicy {
        /// Whether All or Any of the Jobs must succeed.
        operator: String as String => "operator",
        /// Which replicatedJobs count; all, if none is named.
        target_replicated_jobs: Vec<String> as Vec<String> => "targetReplicatedJobs",
    }

    /// What follows from a Job that fails.
    FailurePolicy {
        /// How often the set is restarted at most.
        max_restarts: Option<i32> as i32 => "maxRestarts",
        /// How it is restarted: Recreate, BlockingRecreate or InPlaceRestart.
        restart_strategy: Option<String> as String => "restartStrategy",
        /// What is done, by the first rule that fits; RestartJobSet, if none does.
        rules: Vec<FailurePolicyRule> as Vec<FailurePolicyRule> => "rules",
    }

    /// What is done for some failures.
    FailurePolicyRule {
        /// The rule's name.
        name: String as String => "name",
        /// FailJobSet, RestartJobSet, RestartJobSetAndIgnoreMaxRestarts, RestartJob or RestartJobAndIgnoreMaxRestarts.
        action: String as String => "action",
        /// Reasons of the Job's failure; any, if none is named.
        on_job_failure_reasons: Vec<String> as Vec<String> => "onJobFailureReasons",
        /// Patterns for the message of the Job's failure; any, if there are none.
        on_job_failure_message_patterns: Vec<String> as Vec<String> => "onJobFailureMessagePatterns",
        /// Of which replicatedJobs; all, if none is named.
        target_replicated_jobs: Vec<String> as Vec<String> => "targetReplicatedJobs",
    }

    /// In which order Jobs are started.
    StartupPolicy {
        /// AnyOrder or InOrder.
        startup_policy_order: String as String => "startupPolicyOrder",
    }

    /// Which Pod is the coordinator.
    Coordinator {
        /// Its entry of replicatedJobs.
        replicated_job: String as String => "replicatedJob",
        /// The index of its Job.
        job_index: Option<i32> as i32 => "jobIndex",
        /// Its index in the Job.
        pod_index: Option<i32> as i32 => "podIndex",
    }

    /// Claims that Jobs share.
    VolumeClaimPolicy {
        /// The claims.
        templates: Vec<PersistentVolumeClaim> as Vec<PersistentVolumeClaim> => "templates",
        /// What becomes of them.
        retention_policy: Option<VolumeRetentionPolicy> as VolumeRetentionPolicy => "retentionPolicy",
    }

    /// What becomes of claims.
    VolumeRetentionPolicy {
        /// When the set is deleted: Delete or Retain.
        when_deleted: Option<String> as String => "whenDeleted",
    }

    /// What was seen of a JobSet.
    JobSetStatus {
        /// Its conditions.
        conditions: Vec<Condition> as Vec<Condition> => "conditions",
        /// How often the whole set was restarted.
        restarts: i32 as i32 => "restarts",
        /// How many of these count towards maxRestarts.
        restarts_count_towards_max: Option<i32> as i32 => "restartsCountTowardsMax",
        /// Completed or Failed, once it has ended.
        terminal_state: Option<String> as String => "terminalState",
        /// The Jobs by their entries of replicatedJobs.
        replicated_jobs_status: Vec<ReplicatedJobStatus> as Vec<ReplicatedJobStatus> => "replicatedJobsStatus",
        /// Pods whose attempt is not newer than this one restart in place.
        previous_in_place_restart_attempt: Option<i32> as i32 => "previousInPlaceRestartAttempt",
        /// Pods whose attempt is this one go on.
        current_in_place_restart_attempt: Option<i32> as i32 => "currentInPlaceRestartAttempt",
    }

    /// What was seen of equal Jobs.
    ReplicatedJobStatus {
        /// Their entry of replicatedJobs.
        name: String as String => "name",
        /// Jobs whose Pods are ready or have succeeded.
        ready: i32 as i32 => "ready",
        /// Jobs that have succeeded.
        succeeded: i32 as i32 => "succeeded",
        /// Jobs that have failed.
        failed: i32 as i32 => "failed",
        /// Jobs with Pods.
        active: i32 as i32 => "active",
        /// Jobs that are suspended.
        suspended: i32 as i32 => "suspended",
        /// How often each Job was restarted alone.
        job_restarts: Vec<i32> as Vec<i32> => "jobRestarts",
        /// How many of these count towards maxRestarts.
        job_restarts_count_towards_max: Vec<i32> as Vec<i32> => "jobRestartsCountTowardsMax",
    }
}

impl Resource for JobSet {
    const API_VERSION: &'static str = "jobset.x-k8s.io/v1alpha2";
    const GROUP: &'static str = "jobset.x-k8s.io";
    const KIND: &'static str = "JobSet";
    const VERSION: &'static str = "v1alpha2";
    const URL_PATH_SEGMENT: &'static str = "jobsets";
    type Scope = NamespaceResourceScope;
}

impl Metadata for JobSet {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
