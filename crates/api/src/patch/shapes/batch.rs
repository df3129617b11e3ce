//! Jobs and sets of them.

use super::super::shape::{Shape, Strategic, Topology, USUAL, applied, atomic, key, list, merged, object};
use super::meta::{CONDITIONS, METADATA};
use super::pod::POD_TEMPLATE_SPEC;

pub(super) static JOB: Shape = Shape::of(&[METADATA, object("spec", &JOB_SPEC), object("status", &JOB_STATUS)]);

static JOB_SPEC: Shape = Shape::of(&[atomic("selector"), object("template", &POD_TEMPLATE_SPEC)]);

static JOB_STATUS: Shape = Shape::of(&[
    list("conditions", Strategic::MergeBy("type"), Topology::Atomic, &USUAL),
    object("uncountedTerminatedPods", &UNCOUNTED),
]);

static UNCOUNTED: Shape = Shape::of(&[applied("failed", Topology::Set), applied("succeeded", Topology::Set)]);

pub(super) static JOB_SET: Shape =
    Shape::of(&[METADATA, object("spec", &JOB_SET_SPEC), object("status", &JOB_SET_STATUS)]);

static JOB_SET_SPEC: Shape = Shape::of(&[merged("replicatedJobs", &[key("name")], &REPLICATED_JOB)]);

static REPLICATED_JOB: Shape =
    Shape::of(&[merged("dependsOn", &[key("name")], &USUAL), object("template", &JOB_TEMPLATE)]);

static JOB_TEMPLATE: Shape = Shape::of(&[METADATA, object("spec", &JOB_SPEC)]);

static JOB_SET_STATUS: Shape = Shape::of(&[CONDITIONS, merged("replicatedJobsStatus", &[key("name")], &USUAL)]);
