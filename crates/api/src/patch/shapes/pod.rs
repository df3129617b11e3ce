//! Pods, and the templates of Pods.

use super::super::shape::{ATOMIC, Key, Shape, Strategic, Topology, USUAL, applied, atomic, key, list, merged, object};
use super::container::{CONTAINER, RESOURCES};
use super::meta::{CONDITIONS, METADATA};
use super::storage::CLAIM_TEMPLATE;

pub(super) static POD: Shape = Shape::of(&[METADATA, object("spec", &POD_SPEC), object("status", &POD_STATUS)]);

pub(super) static POD_TEMPLATE: Shape = Shape::of(&[METADATA, object("template", &POD_TEMPLATE_SPEC)]);

pub(super) static POD_TEMPLATE_SPEC: Shape = Shape::of(&[METADATA, object("spec", &POD_SPEC)]);

static POD_SPEC: Shape = Shape::of(&[
    object("affinity", &AFFINITY),
    merged("containers", &[key("name")], &CONTAINER),
    merged("ephemeralContainers", &[key("name")], &CONTAINER),
    merged("hostAliases", &[key("ip")], &USUAL),
    merged("imagePullSecrets", &[key("name")], &ATOMIC),
    merged("initContainers", &[key("name")], &CONTAINER),
    atomic("nodeSelector"),
    merged("resourceClaims", &[key("name")], &USUAL),
    RESOURCES,
    merged("schedulingGates", &[key("name")], &USUAL),
    list("topologySpreadConstraints", Strategic::MergeBy("topologyKey"), Topology::Map(SPREAD), &SPREAD_CONSTRAINT),
    merged("volumes", &[key("name")], &VOLUME),
]);

const SPREAD: &[Key] = &[key("topologyKey"), key("whenUnsatisfiable")];

static SPREAD_CONSTRAINT: Shape = Shape::of(&[atomic("labelSelector")]);

static AFFINITY: Shape = Shape::of(&[object("nodeAffinity", &NODE_AFFINITY)]);

static NODE_AFFINITY: Shape = Shape::of(&[atomic("requiredDuringSchedulingIgnoredDuringExecution")]);

static VOLUME: Shape = Shape::of(&[
    object("cephfs", &WITH_SECRET),
    object("cinder", &WITH_SECRET),
    object("csi", &CSI_VOLUME),
    object("ephemeral", &EPHEMERAL_VOLUME),
    object("flexVolume", &WITH_SECRET),
    object("iscsi", &WITH_SECRET),
    object("rbd", &WITH_SECRET),
    object("scaleIO", &WITH_SECRET),
    object("storageos", &WITH_SECRET),
]);

static WITH_SECRET: Shape = Shape::of(&[atomic("secretRef")]);
static CSI_VOLUME: Shape = Shape::of(&[atomic("nodePublishSecretRef")]);
static EPHEMERAL_VOLUME: Shape = Shape::of(&[object("volumeClaimTemplate", &CLAIM_TEMPLATE)]);

static POD_STATUS: Shape = Shape::of(&[
    CONDITIONS,
    list("containerStatuses", Strategic::Replace, Topology::Atomic, &CONTAINER_STATUS),
    list("ephemeralContainerStatuses", Strategic::Replace, Topology::Atomic, &CONTAINER_STATUS),
    list("hostIPs", Strategic::MergeBy("ip"), Topology::Atomic, &USUAL),
    list("initContainerStatuses", Strategic::Replace, Topology::Atomic, &CONTAINER_STATUS),
    merged("podIPs", &[key("ip")], &USUAL),
    merged("resourceClaimStatuses", &[key("name")], &USUAL),
    RESOURCES,
]);

static CONTAINER_STATUS: Shape = Shape::of(&[
    merged("allocatedResourcesStatus", &[key("name")], &RESOURCE_STATUS),
    RESOURCES,
    merged("volumeMounts", &[key("mountPath")], &USUAL),
]);

static RESOURCE_STATUS: Shape = Shape::of(&[applied("resources", Topology::Map(&[key("resourceID")]))]);
