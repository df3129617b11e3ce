//! What all kinds have, and the options of a delete.

use crate::encoding::protobuf::message::messages;

messages! {
    CONDITION "Condition" {
        1 type one Text; 2 status one Text; 3 observedGeneration one Int64; 4 lastTransitionTime one Time;
        5 reason one Text; 6 message one Text
    }
    DELETE_OPTIONS "DeleteOptions" {
        1 gracePeriodSeconds maybe Int64; 2 preconditions maybe PRECONDITIONS; 3 orphanDependents maybe Bool;
        4 propagationPolicy maybe Text; 5 dryRun many Text;
        6 ignoreStoreReadErrorWithClusterBreakingPotential maybe Bool
    }
    FIELD_SELECTOR_REQUIREMENT "FieldSelectorRequirement" { 1 key one Text; 2 operator one Text; 3 values many Text }
    LABEL_SELECTOR "LabelSelector" { 1 matchLabels map Text; 2 matchExpressions many LABEL_SELECTOR_REQUIREMENT }
    LABEL_SELECTOR_REQUIREMENT "LabelSelectorRequirement" { 1 key one Text; 2 operator one Text; 3 values many Text }
    MANAGED_FIELDS_ENTRY "ManagedFieldsEntry" {
        1 manager one Text; 2 operation one Text; 3 apiVersion one Text; 4 time maybe Time; 6 fieldsType one Text;
        7 fieldsV1 maybe Json; 8 subresource one Text
    }
    OBJECT_META "ObjectMeta" {
        1 name one Text; 2 generateName one Text; 3 namespace one Text; 4 selfLink one Text; 5 uid one Text;
        6 resourceVersion one Text; 7 generation one Int64; 8 creationTimestamp one Time;
        9 deletionTimestamp maybe Time; 10 deletionGracePeriodSeconds maybe Int64; 11 labels map Text;
        12 annotations map Text; 13 ownerReferences many OWNER_REFERENCE; 14 finalizers many Text;
        17 managedFields many MANAGED_FIELDS_ENTRY
    }
    OWNER_REFERENCE "OwnerReference" {
        1 kind one Text; 3 name one Text; 4 uid one Text; 5 apiVersion one Text; 6 controller maybe Bool;
        7 blockOwnerDeletion maybe Bool
    }
    PRECONDITIONS "Preconditions" { 1 uid maybe Text; 2 resourceVersion maybe Text }
}
