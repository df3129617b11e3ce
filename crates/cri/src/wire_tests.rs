//! Field numbers that other programs rely on, checked as bytes: a wrong number would still round-trip with ourselves.

use prost::Message;

use crate::v1::*;

/// A length-delimited field: its key, the length, the bytes.
fn text_field(number: u32, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut bytes);
    prost::encoding::encode_varint(text.len() as u64, &mut bytes);
    bytes.extend(text.as_bytes());
    bytes
}

/// A number field: its key and the value.
fn number_field(number: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3), &mut bytes);
    prost::encoding::encode_varint(value, &mut bytes);
    bytes
}

#[test]
fn sandbox_metadata_has_uid_before_namespace() {
    let metadata = PodSandboxMetadata { name: "n".into(), uid: "u".into(), namespace: "s".into(), attempt: 3 };
    let expected = [text_field(1, "n"), text_field(2, "u"), text_field(3, "s"), number_field(4, 3)].concat();
    assert_eq!(metadata.encode_to_vec(), expected);
}

#[test]
fn image_spec_skips_to_eighteen() {
    let spec =
        ImageSpec { image: "i".into(), user_specified_image: "u".into(), image_ref: "r".into(), ..Default::default() };
    assert_eq!(spec.encode_to_vec(), [text_field(1, "i"), text_field(18, "u"), text_field(20, "r")].concat());
}

#[test]
fn security_context_numbers_are_not_in_the_order_of_their_age() {
    let context = LinuxContainerSecurityContext {
        run_as_username: "u".into(),
        readonly_rootfs: true,
        no_new_privs: true,
        masked_paths: vec!["m".into()],
        supplemental_groups_policy: SupplementalGroupsPolicy::Strict.into(),
        ..Default::default()
    };
    let expected =
        [text_field(6, "u"), number_field(7, 1), number_field(11, 1), text_field(13, "m"), number_field(17, 1)];
    assert_eq!(context.encode_to_vec(), expected.concat());
}

#[test]
fn container_status_reports_its_end_and_its_signal() {
    let status = ContainerStatus {
        id: "c".into(),
        state: ContainerState::ContainerExited.into(),
        finished_at: 6,
        exit_code: 88,
        reason: "Error".into(),
        log_path: "l".into(),
        image_id: "i".into(),
        stop_signal: Signal::Sigterm.into(),
        ..Default::default()
    };
    let expected = [
        text_field(1, "c"),
        number_field(3, 2),
        number_field(6, 6),
        number_field(7, 88),
        text_field(10, "Error"),
        text_field(15, "l"),
        text_field(17, "i"),
        number_field(19, 23),
    ];
    assert_eq!(status.encode_to_vec(), expected.concat());
}

#[test]
fn events_say_what_happened_to_which_container() {
    let event = ContainerEventResponse {
        container_id: "c".into(),
        container_event_type: ContainerEventType::ContainerStoppedEvent.into(),
        created_at: 5,
        ..Default::default()
    };
    let expected = [text_field(1, "c"), number_field(2, 2), number_field(3, 5)].concat();
    assert_eq!(event.encode_to_vec(), expected);
    assert_eq!(ContainerEventResponse::decode(expected.as_slice()).unwrap(), event);
}
