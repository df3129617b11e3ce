//! Volumes, claims on them, and drivers.

use super::super::shape::{Shape, Topology, USUAL, applied, atomic, key, merged, object};
use super::meta::{CONDITIONS, METADATA};

pub(super) static PERSISTENT_VOLUME: Shape = Shape::of(&[METADATA, object("spec", &VOLUME_SPEC)]);

static VOLUME_SPEC: Shape = Shape::of(&[
    object("cephfs", &WITH_SECRET),
    object("cinder", &WITH_SECRET),
    atomic("claimRef"),
    object("csi", &CSI),
    object("flexVolume", &WITH_SECRET),
    object("iscsi", &WITH_SECRET),
    object("nodeAffinity", &NODE_AFFINITY),
    object("rbd", &WITH_SECRET),
    object("scaleIO", &WITH_SECRET),
    object("storageos", &WITH_SECRET),
]);

static WITH_SECRET: Shape = Shape::of(&[atomic("secretRef")]);

static CSI: Shape = Shape::of(&[
    atomic("controllerExpandSecretRef"),
    atomic("controllerPublishSecretRef"),
    atomic("nodeExpandSecretRef"),
    atomic("nodePublishSecretRef"),
    atomic("nodeStageSecretRef"),
]);

static NODE_AFFINITY: Shape = Shape::of(&[atomic("required")]);

pub(super) static PERSISTENT_VOLUME_CLAIM: Shape =
    Shape::of(&[METADATA, object("spec", &CLAIM_SPEC), object("status", &CLAIM_STATUS)]);

pub(super) static CLAIM_TEMPLATE: Shape = Shape::of(&[METADATA, object("spec", &CLAIM_SPEC)]);

static CLAIM_SPEC: Shape = Shape::of(&[atomic("dataSource"), atomic("selector")]);

static CLAIM_STATUS: Shape = Shape::of(&[CONDITIONS]);

pub(super) static CSI_NODE: Shape = Shape::of(&[METADATA, object("spec", &CSI_NODE_SPEC)]);

static CSI_NODE_SPEC: Shape = Shape::of(&[merged("drivers", &[key("name")], &USUAL)]);

pub(super) static CSI_DRIVER: Shape = Shape::of(&[METADATA, object("spec", &CSI_DRIVER_SPEC)]);

static CSI_DRIVER_SPEC: Shape = Shape::of(&[applied("volumeLifecycleModes", Topology::Set)]);
