//! Field numbers that other programs rely on, checked as bytes: a wrong number would still round-trip with ourselves.

use prost::Message;

use crate::v1beta1::*;

#[test]
fn a_registration_is_as_the_kubelet_reads_it() {
    let options = DevicePluginOptions { pre_start_required: true, get_preferred_allocation_available: true };
    let request = RegisterRequest {
        version: "v".into(),
        endpoint: "e".into(),
        resource_name: "r".into(),
        options: Some(options),
    };
    assert_eq!(request.encode_to_vec(), b"\x0a\x01v\x12\x01e\x1a\x01r\x22\x04\x08\x01\x10\x01");
}

#[test]
fn devices_are_listed_with_health_and_numa_nodes() {
    let topology = TopologyInfo { nodes: vec![NumaNode { id: 1 }] };
    let device = Device { id: "d".into(), health: "h".into(), topology: Some(topology) };
    let list = ListAndWatchResponse { devices: vec![device] };
    assert_eq!(list.encode_to_vec(), b"\x0a\x0c\x0a\x01d\x12\x01h\x1a\x04\x0a\x02\x08\x01");
}

#[test]
fn what_a_container_gets_is_in_the_released_fields() {
    let answer = ContainerAllocateResponse {
        envs: [("k".to_owned(), "v".to_owned())].into(),
        mounts: vec![Mount { container_path: "c".into(), host_path: "h".into(), read_only: true }],
        devices: vec![DeviceSpec { container_path: "c".into(), host_path: "h".into(), permissions: "r".into() }],
        annotations: [("a".to_owned(), "b".to_owned())].into(),
        cdi_devices: vec![CdiDevice { name: "n".into() }],
    };
    let bytes = b"\x0a\x06\x0a\x01k\x12\x01v\
        \x12\x08\x0a\x01c\x12\x01h\x18\x01\
        \x1a\x09\x0a\x01c\x12\x01h\x1a\x01r\
        \x22\x06\x0a\x01a\x12\x01b\
        \x2a\x03\x0a\x01n";
    assert_eq!(answer.encode_to_vec(), bytes);
}

#[test]
fn a_preference_is_asked_for_and_given_in_the_released_fields() {
    let container = ContainerPreferredAllocationRequest {
        available_device_ids: vec!["a".into()],
        must_include_device_ids: vec!["m".into()],
        allocation_size: 2,
    };
    let request = PreferredAllocationRequest { container_requests: vec![container] };
    assert_eq!(request.encode_to_vec(), b"\x0a\x08\x0a\x01a\x12\x01m\x18\x02");
    let answer = ContainerPreferredAllocationResponse { device_ids: vec!["a".into()] };
    let answer = PreferredAllocationResponse { container_responses: vec![answer] };
    assert_eq!(answer.encode_to_vec(), b"\x0a\x03\x0a\x01a");
    let start = PreStartContainerRequest { device_ids: vec!["a".into()] };
    assert_eq!(start.encode_to_vec(), b"\x0a\x01a");
    let allocate = ContainerAllocateRequest { device_ids: vec!["a".into()] };
    assert_eq!(AllocateRequest { container_requests: vec![allocate] }.encode_to_vec(), b"\x0a\x03\x0a\x01a");
}
