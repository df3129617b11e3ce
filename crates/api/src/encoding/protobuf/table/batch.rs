//! Jobs.

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::pod::POD_TEMPLATE_SPEC;
use crate::encoding::protobuf::message::messages;

messages! {
    JOB "Job" { 1 metadata maybe OBJECT_META; 2 spec maybe JOB_SPEC; 3 status maybe JOB_STATUS }
    JOB_CONDITION "JobCondition" {
        1 type one Text; 2 status one Text; 3 lastProbeTime one Time; 4 lastTransitionTime one Time;
        5 reason one Text; 6 message one Text
    }
    JOB_SPEC "JobSpec" {
        1 parallelism maybe Int32; 2 completions maybe Int32; 3 activeDeadlineSeconds maybe Int64;
        4 selector maybe LABEL_SELECTOR; 5 manualSelector maybe Bool; 6 template maybe POD_TEMPLATE_SPEC;
        7 backoffLimit maybe Int32; 8 ttlSecondsAfterFinished maybe Int32; 9 completionMode maybe Text;
        10 suspend maybe Bool; 11 podFailurePolicy maybe POD_FAILURE_POLICY; 12 backoffLimitPerIndex maybe Int32;
        13 maxFailedIndexes maybe Int32; 14 podReplacementPolicy maybe Text; 15 managedBy maybe Text;
        16 successPolicy maybe SUCCESS_POLICY
    }
    JOB_STATUS "JobStatus" {
        1 conditions many JOB_CONDITION; 2 startTime maybe Time; 3 completionTime maybe Time; 4 active one Int32;
        5 succeeded one Int32; 6 failed one Int32; 7 completedIndexes one Text;
        8 uncountedTerminatedPods maybe UNCOUNTED_TERMINATED_PODS; 9 ready maybe Int32; 10 failedIndexes maybe Text;
        11 terminating maybe Int32
    }
    POD_FAILURE_POLICY "PodFailurePolicy" { 1 rules many POD_FAILURE_POLICY_RULE }
    POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT "PodFailurePolicyOnExitCodesRequirement" {
        1 containerName maybe Text; 2 operator one Text; 3 values many Int32
    }
    POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN "PodFailurePolicyOnPodConditionsPattern" {
        1 type one Text; 2 status one Text
    }
    POD_FAILURE_POLICY_RULE "PodFailurePolicyRule" {
        1 action one Text; 2 onExitCodes maybe POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT;
        3 onPodConditions many POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN
    }
    SUCCESS_POLICY "SuccessPolicy" { 1 rules many SUCCESS_POLICY_RULE }
    SUCCESS_POLICY_RULE "SuccessPolicyRule" { 1 succeededIndexes maybe Text; 2 succeededCount maybe Int32 }
    UNCOUNTED_TERMINATED_PODS "UncountedTerminatedPods" { 1 succeeded many Text; 2 failed many Text }
}
