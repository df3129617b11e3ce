//! Where our runtime and Debian's containerd 1.6 differ, and why. `docs/cri.md` has the same table.

/// A difference. Its id is the name of a case that containerd can't pass, or an aspect that cases ask for.
pub struct Difference {
    pub id: &'static str,
    pub ours: &'static str,
    pub containerd: &'static str,
    pub reason: &'static str,
}

/// Why containerd lacks what is newer than it.
const NEWER: &str = "newer than containerd 1.6";
/// Why an error has another code: ours are what a client can decide by.
const CODE: &str = "its errors are mostly Unknown; ours say what a client can do about them";

const fn difference(
    id: &'static str,
    ours: &'static str,
    containerd: &'static str,
    reason: &'static str,
) -> Difference {
    Difference { id, ours, containerd, reason }
}

pub const DIFFERENCES: &[Difference] = &[
    // Calls and fields that it does not have.
    difference("container_lists::a_list_is_streamed_in_pieces", "there", "Unimplemented", NEWER),
    difference("sandboxes::a_list_is_streamed_in_pieces", "there", "Unimplemented", NEWER),
    difference("images::a_list_is_streamed", "there", "Unimplemented", NEWER),
    difference("stats::long_lists_are_streamed", "there", "Unimplemented", NEWER),
    difference("stats::metrics_have_descriptors_and_values_for_their_labels", "there", "Unimplemented", NEWER),
    difference("runtime::runtime_config_says_who_makes_cgroups", "`cgroupfs`", "Unimplemented", NEWER),
    difference("runtime::status_says_what_the_runtime_can_do", "handlers and features", "neither", NEWER),
    difference("resources::a_pods_own_limits_are_changed", "there", "Unimplemented", NEWER),
    difference(
        "events::each_change_is_told_in_order_with_the_state_of_its_moment",
        "GetContainerEvents",
        "Unimplemented",
        NEWER,
    ),
    difference("events::every_listener_hears_all", "GetContainerEvents", "Unimplemented", NEWER),
    difference("events::an_end_by_itself_is_told", "GetContainerEvents", "Unimplemented", NEWER),
    difference("sandboxes::a_status_shows_the_containers_too", "statuses and time", "neither", NEWER),
    difference("stopping::the_request_says_which_signal_asks", "`stop_signal` is heeded", "ignored", NEWER),
    difference("users::strict_means_that_the_images_groups_do_not_count", "Strict is heeded", "ignored", NEWER),
    difference("users::the_user_in_a_status_is_who_it_runs_as", "shown", "not shown", NEWER),
    difference("mounts::recursive-read-only", "heeded", "ignored", NEWER),
    difference("streaming::websocket", "WebSocket and SPDY/3.1", "SPDY/3.1", "newer clients speak WebSocket first"),
    // What is left for later: refused here, ignored there.
    difference("refused::user_namespaces", "refused, code Unimplemented", "ignored", NEWER),
    difference("refused::cdi_devices", "refused, code Unimplemented", "ignored", NEWER),
    difference(
        "refused::hugepage_limits",
        "refused, code Unimplemented",
        "set, or ignored without the controller",
        "left for later; ignoring a limit is worse than refusing it",
    ),
    difference("refused::image_volumes", "refused, code Unimplemented", "refused, code Unknown", NEWER),
    difference("refused::mounts_with_mapped_ids", "refused, code Unimplemented", "ignored", NEWER),
    difference(
        "refused::windows_configurations",
        "refused, code Unimplemented",
        "ignored on Linux",
        "what is not done is not ignored",
    ),
    difference(
        "seccomp::selinux_labels_are_refused_where_the_kernel_has_none",
        "refused",
        "ignored",
        "a label that protects nothing must not look as if it did",
    ),
    difference(
        "privileges::unknown-capability",
        "refused",
        "ignored",
        "a misspelt capability is noticed when the container is created",
    ),
    // Behaviour.
    difference(
        "sandboxes::stop-unknown",
        "fine",
        "NotFound",
        "CRI wants stopping to be repeatable; after a removal it has nothing to do",
    ),
    difference("stopping::unknown", "fine", "NotFound", "as with sandboxes"),
    difference(
        "stopping::stopping_what_was_never_started_ends_it",
        "it has exited",
        "it stays created and can be started",
        "who stops a container does not want it to run",
    ),
    difference(
        "users::groups-of-image-user",
        "the groups that the image gives that user",
        "those of its root user",
        "a kubelet names the user, so there it makes no difference",
    ),
    difference(
        "resources::the_number_of_processes_is_limited",
        "`pids.max` is understood on cgroup v1 too",
        "`unified` is refused on cgroup v1",
        "it means the same there",
    ),
    difference(
        "resources::exited",
        "FailedPrecondition",
        "fine",
        "there is nothing left whose limits could be changed",
    ),
    difference(
        "pod::unprivileged-ports",
        "low ports and pings need no capability in a Pod's own network",
        "they do, unless it is configured otherwise",
        "the default of containerd 2",
    ),
    difference("exec::client-left", "the command is ended", "it goes on", "nobody can stop or see it any more"),
    difference(
        "exec::abrupt-end",
        "the client is always told why",
        "the connection may break before that",
        "the client hears of the end before the connection is closed",
    ),
    difference("logs::carriage-returns", "kept", "dropped from the ends of lines", "a log is what was written"),
    difference("images::list-filter", "one image by name", "all", "the protocol has the filter"),
    // Codes.
    difference("requests::incomplete", "InvalidArgument", "Unknown", CODE),
    difference("requests::unknown-handler", "InvalidArgument", "Unknown", CODE),
    difference("sandboxes::twin", "AlreadyExists", "Unknown", CODE),
    difference("containers::twin", "AlreadyExists", "Unknown", CODE),
    difference("containers::start-again", "FailedPrecondition", "Unknown", CODE),
    difference("exec::not-running", "FailedPrecondition", "Unknown", CODE),
    difference("exec::no-command", "InvalidArgument", "Unknown", CODE),
    difference("exec::no-command-url", "InvalidArgument", "an address that fails", CODE),
    difference("logs::not-running", "FailedPrecondition", "Unknown", CODE),
    difference("images::unauthorized", "Unauthenticated", "Unknown", CODE),
    difference("images::unreachable", "Unavailable", "Unknown", CODE),
    difference("images::bad-name", "InvalidArgument", "Unknown", CODE),
    difference("users::unknown-not-named", "the error names the user", "it does not", CODE),
];

/// Whether the whole case is something that containerd does not do: there it must fail.
pub fn is_missing_in_containerd(case: &str) -> bool {
    is_known(case)
}

pub fn is_known(id: &str) -> bool {
    DIFFERENCES.iter().any(|difference| difference.id == id)
}
