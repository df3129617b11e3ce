//! Columns of volumes, claims and what makes them.

use jiff::Timestamp;
use serde_json::Value;

use super::field::{is_there, items, joined, or, text};
use super::{Column, Columns};

/// Columns of PersistentVolumes.
pub static PERSISTENT_VOLUMES: Columns = Columns(&[
    Column::NAME,
    Column::text("Capacity", "How large the volume is.", |volume, _| text(volume, "/spec/capacity/storage").into()),
    Column::text("Access Modes", "How it can be mounted.", |volume, _| modes(volume, "/spec/accessModes")),
    Column::text("Reclaim Policy", "What becomes of it without its claim.", |volume, _| {
        text(volume, "/spec/persistentVolumeReclaimPolicy").into()
    }),
    Column::text("Status", "Whether it is available or bound.", phase),
    Column::text("Claim", "The claim that it is bound to.", claim),
    Column::text("StorageClass", "Its class.", class),
    Column::text("VolumeAttributesClass", "The class of its attributes.", attributes_class),
    Column::text("Reason", "Why it failed.", |volume, _| text(volume, "/status/reason").into()),
    Column::AGE,
    Column::text("VolumeMode", "File system or block device.", |volume, _| mode(volume)).wide(),
]);

/// Columns of PersistentVolumeClaims.
pub static PERSISTENT_VOLUME_CLAIMS: Columns = Columns(&[
    Column::NAME,
    Column::text("Status", "Whether it is pending or bound.", phase),
    Column::text("Volume", "The volume that it is bound to.", |claim, _| text(claim, "/spec/volumeName").into()),
    Column::text("Capacity", "How large the volume is.", |claim, _| bound(claim, || size(claim))),
    Column::text("Access Modes", "How the volume can be mounted.", |claim, _| {
        bound(claim, || modes(claim, "/status/accessModes"))
    }),
    Column::text("StorageClass", "The class that is asked for.", class),
    Column::text("VolumeAttributesClass", "The class of its attributes.", attributes_class),
    Column::AGE,
    Column::text("VolumeMode", "File system or block device.", |claim, _| mode(claim)).wide(),
]);

/// Columns of StorageClasses.
pub static STORAGE_CLASSES: Columns = Columns(&[
    DEFAULT_NAME,
    Column::text("Provisioner", "Who makes volumes.", |class, _| text(class, "/provisioner").into()),
    Column::text("ReclaimPolicy", "What becomes of volumes without their claims.", |class, _| {
        or(text(class, "/reclaimPolicy"), "Delete").into()
    }),
    Column::text("VolumeBindingMode", "When claims are bound.", |class, _| {
        or(text(class, "/volumeBindingMode"), "Immediate").into()
    }),
    Column::text("AllowVolumeExpansion", "Whether volumes can grow.", |class, _| {
        flag(class, "/allowVolumeExpansion").into()
    }),
    Column::AGE,
]);

/// Columns of CSINodes.
pub static CSI_NODES: Columns = Columns(&[
    Column::NAME,
    Column::text("Drivers", "How many drivers the node has.", |node, _| items(node, "/spec/drivers").len().into())
        .of("integer"),
    Column::AGE,
]);

/// Columns of CSIDrivers.
pub static CSI_DRIVERS: Columns = Columns(&[
    Column::NAME,
    Column::text("AttachRequired", "Whether volumes are attached before they are mounted.", |driver, _| {
        // Required unless the driver says no.
        driver.pointer("/spec/attachRequired").and_then(Value::as_bool).unwrap_or(true).into()
    })
    .of("boolean"),
    Column::text("PodInfoOnMount", "Whether the driver is told of the Pod.", |driver, _| {
        flag(driver, "/spec/podInfoOnMount").into()
    })
    .of("boolean"),
    Column::text("StorageCapacity", "Whether the driver tells its capacity.", |driver, _| {
        flag(driver, "/spec/storageCapacity").into()
    })
    .of("boolean"),
    Column::text("TokenRequests", "Audiences of the tokens that it is given.", token_requests),
    Column::text("RequiresRepublish", "Whether volumes are published again from time to time.", |driver, _| {
        flag(driver, "/spec/requiresRepublish").into()
    })
    .of("boolean"),
    Column::text("Modes", "What volumes live as long as.", |driver, _| {
        let modes: Vec<&str> = texts(driver, "/spec/volumeLifecycleModes");
        or(&modes.join(","), "<none>").into()
    }),
    Column::AGE,
]);

const DEFAULT_NAME: Column = Column::NAME.reading(|class, _| {
    let default = text(class, "/metadata/annotations/storageclass.kubernetes.io~1is-default-class") == "true";
    format!("{}{}", text(class, "/metadata/name"), if default { " (default)" } else { "" }).into()
});

fn phase(object: &Value, _: Timestamp) -> Value {
    let deleted = is_there(object, "/metadata/deletionTimestamp");
    if deleted { "Terminating".into() } else { text(object, "/status/phase").into() }
}

fn claim(volume: &Value, _: Timestamp) -> Value {
    match text(volume, "/spec/claimRef/name") {
        "" => "".into(),
        name => format!("{}/{name}", text(volume, "/spec/claimRef/namespace")).into(),
    }
}

/// The annotation is how the class was named before there was a field.
fn class(object: &Value, _: Timestamp) -> Value {
    let annotation = text(object, "/metadata/annotations/volume.beta.kubernetes.io~1storage-class");
    or(annotation, text(object, "/spec/storageClassName")).into()
}

fn attributes_class(object: &Value, _: Timestamp) -> Value {
    or(text(object, "/spec/volumeAttributesClassName"), "<unset>").into()
}

fn mode(object: &Value) -> Value {
    or(text(object, "/spec/volumeMode"), "<unset>").into()
}

/// What only a claim with a volume has.
fn bound(claim: &Value, cell: impl FnOnce() -> Value) -> Value {
    if text(claim, "/spec/volumeName").is_empty() { "".into() } else { cell() }
}

fn size(claim: &Value) -> Value {
    text(claim, "/status/capacity/storage").into()
}

/// Access modes by their short names, in a fixed order.
fn modes(object: &Value, pointer: &str) -> Value {
    const NAMES: [(&str, &str); 4] =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let given = texts(object, pointer);
    let short = NAMES.iter().filter(|(name, _)| given.contains(name)).map(|(_, short)| *short);
    short.collect::<Vec<_>>().join(",").into()
}

fn token_requests(driver: &Value, _: Timestamp) -> Value {
    let requests = items(driver, "/spec/tokenRequests");
    if requests.is_empty() { "<unset>".into() } else { joined(requests, "/audience", ",").into() }
}

fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

fn texts<'a>(object: &'a Value, pointer: &str) -> Vec<&'a str> {
    items(object, pointer).iter().filter_map(Value::as_str).collect()
}
