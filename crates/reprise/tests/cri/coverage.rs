//! Which cases cover which call of the protocol: that it works, its errors, and that it may be repeated.

use std::collections::BTreeSet;

use crate::names;

const RUNTIME_SERVICE: &str = include_str!("../../../cri/proto/runtime.proto");
const IMAGE_SERVICE: &str = include_str!("../../../cri/proto/image.proto");

/// A call and the cases about it.
pub struct Covered {
    pub call: &'static str,
    pub works: &'static str,
    pub errors: &'static str,
    pub repeated: &'static str,
}

/// A call that only reads: repeating it changes nothing.
const READS: &str = "reads";
/// A call that has nothing to refuse.
const NO_ERRORS: &str = "no errors";
/// Each call does something new, on purpose.
const NEW: &str = "something new each time";

const fn covered(call: &'static str, works: &'static str, errors: &'static str, repeated: &'static str) -> Covered {
    Covered { call, works, errors, repeated }
}

pub const COVERED: &[Covered] = &[
    covered("Version", "runtime::version_says_name_and_protocol", NO_ERRORS, READS),
    covered(
        "RunPodSandbox",
        "sandboxes::a_sandbox_is_ready_with_an_address_and_what_it_was_given",
        "sandboxes::a_sandbox_needs_a_configuration_with_metadata",
        "sandboxes::the_same_name_and_attempt_is_refused_another_attempt_is_not",
    ),
    covered(
        "StopPodSandbox",
        "sandboxes::a_stopped_sandbox_is_not_ready_and_its_containers_have_exited",
        "sandboxes::stopping_and_removing_twice_is_fine",
        "sandboxes::stopping_and_removing_twice_is_fine",
    ),
    covered(
        "RemovePodSandbox",
        "sandboxes::removing_takes_running_containers_along",
        "sandboxes::stopping_and_removing_twice_is_fine",
        "sandboxes::stopping_and_removing_twice_is_fine",
    ),
    covered(
        "PodSandboxStatus",
        "sandboxes::a_status_shows_the_containers_too",
        "sandboxes::an_unknown_sandbox_is_not_found",
        READS,
    ),
    covered("ListPodSandbox", "sandboxes::sandboxes_are_found_by_id_state_and_labels", NO_ERRORS, READS),
    covered("StreamPodSandboxes", "sandboxes::a_list_is_streamed_in_pieces", NO_ERRORS, READS),
    covered(
        "CreateContainer",
        "container_life::a_container_goes_from_created_to_running_to_exited",
        "container_life::a_container_needs_an_image_that_is_there",
        "container_life::the_same_name_is_taken_another_attempt_is_not",
    ),
    covered(
        "StartContainer",
        "container_life::a_container_goes_from_created_to_running_to_exited",
        "container_life::a_program_that_is_not_there_fails_the_start",
        "container_life::starting_twice_is_refused",
    ),
    covered(
        "StopContainer",
        "stopping::a_container_is_asked_to_end_and_its_code_is_kept",
        "stopping::one_that_does_not_end_in_time_is_killed",
        "stopping::stopping_what_has_ended_is_fine",
    ),
    covered(
        "RemoveContainer",
        "container_life::removing_a_running_container_ends_it",
        "container_life::removing_twice_is_fine",
        "container_life::removing_twice_is_fine",
    ),
    covered("ListContainers", "container_lists::containers_are_found_by_id_sandbox_state_and_labels", NO_ERRORS, READS),
    covered("StreamContainers", "container_lists::a_list_is_streamed_in_pieces", NO_ERRORS, READS),
    covered(
        "ContainerStatus",
        "container_life::a_status_shows_what_the_container_was_given",
        "container_life::an_unknown_container_is_not_found",
        READS,
    ),
    covered(
        "UpdateContainerResources",
        "resources::limits_are_changed_while_it_runs",
        "resources::an_exited_or_unknown_containers_limits_can_not_be_changed",
        "resources::limits_are_changed_while_it_runs",
    ),
    covered(
        "ReopenContainerLog",
        "logs::a_rotated_log_goes_on_in_a_new_file",
        "logs::only_a_running_containers_log_can_be_opened_anew",
        "logs::a_rotated_log_goes_on_in_a_new_file",
    ),
    covered(
        "ExecSync",
        "exec_sync::output_and_exit_code_come_back",
        "exec_sync::what_does_not_run_can_not_be_asked",
        NEW,
    ),
    covered("Exec", "exec::both_outputs_and_the_exit_code_reach_the_client", "exec::what_can_not_be_run_is_said", NEW),
    covered(
        "Attach",
        "attach::output_reaches_all_who_are_attached_and_the_log",
        "attach::what_does_not_run_can_not_be_attached_to",
        NEW,
    ),
    covered(
        "PortForward",
        "port_forward::connections_reach_the_pods_port",
        "port_forward::a_sandbox_that_is_not_ready_is_refused",
        NEW,
    ),
    covered(
        "ContainerStats",
        "stats::a_running_containers_use_is_measured",
        "stats::an_unknown_containers_stats_are_not_found",
        READS,
    ),
    covered("ListContainerStats", "stats::stats_are_found_by_id_sandbox_and_labels", NO_ERRORS, READS),
    covered("StreamContainerStats", "stats::long_lists_are_streamed", NO_ERRORS, READS),
    covered(
        "PodSandboxStats",
        "stats::a_sandboxes_stats_have_its_containers_and_network",
        "stats::an_unknown_containers_stats_are_not_found",
        READS,
    ),
    covered("ListPodSandboxStats", "stats::sandbox_stats_are_found_by_id_and_labels", NO_ERRORS, READS),
    covered("StreamPodSandboxStats", "stats::long_lists_are_streamed", NO_ERRORS, READS),
    covered(
        "UpdateRuntimeConfig",
        "runtime::a_pod_range_from_the_node_is_taken_note_of",
        NO_ERRORS,
        "runtime::a_pod_range_from_the_node_is_taken_note_of",
    ),
    covered("Status", "runtime::status_says_that_runtime_and_network_are_ready", NO_ERRORS, READS),
    covered("CheckpointContainer", "runtime::checkpoints_are_refused", "runtime::checkpoints_are_refused", NEW),
    covered(
        "GetContainerEvents",
        "events::each_change_is_told_in_order_with_the_state_of_its_moment",
        NO_ERRORS,
        "events::every_listener_hears_all",
    ),
    covered("ListMetricDescriptors", "stats::metrics_have_descriptors_and_values_for_their_labels", NO_ERRORS, READS),
    covered("ListPodSandboxMetrics", "stats::metrics_have_descriptors_and_values_for_their_labels", NO_ERRORS, READS),
    covered("StreamPodSandboxMetrics", "stats::long_lists_are_streamed", NO_ERRORS, READS),
    covered("RuntimeConfig", "runtime::runtime_config_says_who_makes_cgroups", NO_ERRORS, READS),
    covered(
        "UpdatePodSandboxResources",
        "resources::a_pods_own_limits_are_changed",
        "resources::a_pods_own_limits_are_changed",
        "resources::a_pods_own_limits_are_changed",
    ),
    covered("ListImages", "images::images_are_listed_once_each_and_by_name", NO_ERRORS, READS),
    covered("StreamImages", "images::a_list_is_streamed", NO_ERRORS, READS),
    covered(
        "ImageStatus",
        "images::an_image_is_found_by_all_its_names_and_one_that_is_not_there_by_none",
        "images::an_image_is_found_by_all_its_names_and_one_that_is_not_there_by_none",
        READS,
    ),
    covered(
        "PullImage",
        "images::an_image_is_pulled_by_tag_and_runs",
        "images::an_image_that_is_not_there_is_not_found",
        "images::pulling_again_is_fine_and_a_tag_that_moved_is_followed",
    ),
    covered(
        "RemoveImage",
        "images::a_removed_image_is_gone_under_all_its_names",
        "images::a_removed_image_is_gone_under_all_its_names",
        "images::a_removed_image_is_gone_under_all_its_names",
    ),
    covered("ImageFsInfo", "images::the_room_that_images_take_is_known", NO_ERRORS, READS),
];

/// The table has each call of the protocol, and only cases that there are.
pub fn check() {
    let protocol: BTreeSet<&str> = [RUNTIME_SERVICE, IMAGE_SERVICE].iter().copied().flat_map(calls).collect();
    let table: BTreeSet<&str> = COVERED.iter().map(|covered| covered.call).collect();
    assert_eq!(table, protocol);
    let cases: BTreeSet<&str> = names().collect();
    for Covered { call, works, errors, repeated } in COVERED {
        for case in [works, errors, repeated].into_iter().filter(|case| ![READS, NO_ERRORS, NEW].contains(case)) {
            assert!(cases.contains(case), "{call}: there is no case {case}");
        }
    }
}

fn calls(proto: &str) -> impl Iterator<Item = &str> {
    proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next())
}
