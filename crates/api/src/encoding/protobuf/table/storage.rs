//! Volumes of a cluster, claims on them, and drivers.

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::pod::{NODE_SELECTOR, OBJECT_REFERENCE, TOPOLOGY_SELECTOR_TERM};
use super::volume::{
    AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE, AZURE_DISK_VOLUME_SOURCE, FC_VOLUME_SOURCE, FLOCKER_VOLUME_SOURCE,
    GCE_PERSISTENT_DISK_VOLUME_SOURCE, HOST_PATH_VOLUME_SOURCE, NFS_VOLUME_SOURCE,
    PHOTON_PERSISTENT_DISK_VOLUME_SOURCE, PORTWORX_VOLUME_SOURCE, QUOBYTE_VOLUME_SOURCE,
    VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE,
};
use crate::encoding::protobuf::message::messages;

messages! {
    AZURE_FILE_PERSISTENT_VOLUME_SOURCE "AzureFilePersistentVolumeSource" {
        1 secretName one Text; 2 shareName one Text; 3 readOnly one Bool; 4 secretNamespace maybe Text
    }
    CEPH_FS_PERSISTENT_VOLUME_SOURCE "CephFSPersistentVolumeSource" {
        1 monitors many Text; 2 path one Text; 3 user one Text; 4 secretFile one Text;
        5 secretRef maybe SECRET_REFERENCE; 6 readOnly one Bool
    }
    CINDER_PERSISTENT_VOLUME_SOURCE "CinderPersistentVolumeSource" {
        1 volumeID one Text; 2 fsType one Text; 3 readOnly one Bool; 4 secretRef maybe SECRET_REFERENCE
    }
    CSI_DRIVER "CSIDriver" { 1 metadata maybe OBJECT_META; 2 spec maybe CSI_DRIVER_SPEC }
    CSI_DRIVER_SPEC "CSIDriverSpec" {
        1 attachRequired maybe Bool; 2 podInfoOnMount maybe Bool; 3 volumeLifecycleModes many Text;
        4 storageCapacity maybe Bool; 5 fsGroupPolicy maybe Text; 6 tokenRequests many TOKEN_REQUEST_OF_STORAGE;
        7 requiresRepublish maybe Bool; 8 seLinuxMount maybe Bool; 9 nodeAllocatableUpdatePeriodSeconds maybe Int64;
        10 serviceAccountTokenInSecrets maybe Bool; 11 preventPodSchedulingIfMissing maybe Bool
    }
    CSI_NODE "CSINode" { 1 metadata maybe OBJECT_META; 2 spec maybe CSI_NODE_SPEC }
    CSI_NODE_DRIVER "CSINodeDriver" {
        1 name one Text; 2 nodeID one Text; 3 topologyKeys many Text; 4 allocatable maybe VOLUME_NODE_RESOURCES
    }
    CSI_NODE_SPEC "CSINodeSpec" { 1 drivers many CSI_NODE_DRIVER }
    CSI_PERSISTENT_VOLUME_SOURCE "CSIPersistentVolumeSource" {
        1 driver one Text; 2 volumeHandle one Text; 3 readOnly one Bool; 4 fsType one Text;
        5 volumeAttributes map Text; 6 controllerPublishSecretRef maybe SECRET_REFERENCE;
        7 nodeStageSecretRef maybe SECRET_REFERENCE; 8 nodePublishSecretRef maybe SECRET_REFERENCE;
        9 controllerExpandSecretRef maybe SECRET_REFERENCE; 10 nodeExpandSecretRef maybe SECRET_REFERENCE
    }
    FLEX_PERSISTENT_VOLUME_SOURCE "FlexPersistentVolumeSource" {
        1 driver one Text; 2 fsType one Text; 3 secretRef maybe SECRET_REFERENCE; 4 readOnly one Bool;
        5 options map Text
    }
    GLUSTERFS_PERSISTENT_VOLUME_SOURCE "GlusterfsPersistentVolumeSource" {
        1 endpoints one Text; 2 path one Text; 3 readOnly one Bool; 4 endpointsNamespace maybe Text
    }
    ISCSI_PERSISTENT_VOLUME_SOURCE "ISCSIPersistentVolumeSource" {
        1 targetPortal one Text; 2 iqn one Text; 3 lun one Int32; 4 iscsiInterface one Text; 5 fsType one Text;
        6 readOnly one Bool; 7 portals many Text; 8 chapAuthDiscovery one Bool; 10 secretRef maybe SECRET_REFERENCE;
        11 chapAuthSession one Bool; 12 initiatorName maybe Text
    }
    LOCAL_VOLUME_SOURCE "LocalVolumeSource" { 1 path one Text; 2 fsType maybe Text }
    MODIFY_VOLUME_STATUS "ModifyVolumeStatus" { 1 targetVolumeAttributesClassName one Text; 2 status one Text }
    PERSISTENT_VOLUME "PersistentVolume" {
        1 metadata maybe OBJECT_META; 2 spec maybe PERSISTENT_VOLUME_SPEC; 3 status maybe PERSISTENT_VOLUME_STATUS
    }
    PERSISTENT_VOLUME_CLAIM "PersistentVolumeClaim" {
        1 metadata maybe OBJECT_META; 2 spec maybe PERSISTENT_VOLUME_CLAIM_SPEC;
        3 status maybe PERSISTENT_VOLUME_CLAIM_STATUS
    }
    PERSISTENT_VOLUME_CLAIM_CONDITION "PersistentVolumeClaimCondition" {
        1 type one Text; 2 status one Text; 3 lastProbeTime one Time; 4 lastTransitionTime one Time;
        5 reason one Text; 6 message one Text
    }
    PERSISTENT_VOLUME_CLAIM_SPEC "PersistentVolumeClaimSpec" {
        1 accessModes many Text; 2 resources maybe VOLUME_RESOURCE_REQUIREMENTS; 3 volumeName one Text;
        4 selector maybe LABEL_SELECTOR; 5 storageClassName maybe Text; 6 volumeMode maybe Text;
        7 dataSource maybe TYPED_LOCAL_OBJECT_REFERENCE; 8 dataSourceRef maybe TYPED_OBJECT_REFERENCE;
        9 volumeAttributesClassName maybe Text
    }
    PERSISTENT_VOLUME_CLAIM_STATUS "PersistentVolumeClaimStatus" {
        1 phase one Text; 2 accessModes many Text; 3 capacity map Quantity;
        4 conditions many PERSISTENT_VOLUME_CLAIM_CONDITION; 5 allocatedResources map Quantity;
        7 allocatedResourceStatuses map Text; 8 currentVolumeAttributesClassName maybe Text;
        9 modifyVolumeStatus maybe MODIFY_VOLUME_STATUS
    }
    PERSISTENT_VOLUME_SOURCE "PersistentVolumeSource" {
        1 gcePersistentDisk maybe GCE_PERSISTENT_DISK_VOLUME_SOURCE;
        2 awsElasticBlockStore maybe AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE; 3 hostPath maybe HOST_PATH_VOLUME_SOURCE;
        4 glusterfs maybe GLUSTERFS_PERSISTENT_VOLUME_SOURCE; 5 nfs maybe NFS_VOLUME_SOURCE;
        6 rbd maybe RBD_PERSISTENT_VOLUME_SOURCE; 7 iscsi maybe ISCSI_PERSISTENT_VOLUME_SOURCE;
        8 cinder maybe CINDER_PERSISTENT_VOLUME_SOURCE; 9 cephfs maybe CEPH_FS_PERSISTENT_VOLUME_SOURCE;
        10 fc maybe FC_VOLUME_SOURCE; 11 flocker maybe FLOCKER_VOLUME_SOURCE;
        12 flexVolume maybe FLEX_PERSISTENT_VOLUME_SOURCE; 13 azureFile maybe AZURE_FILE_PERSISTENT_VOLUME_SOURCE;
        14 vsphereVolume maybe VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE; 15 quobyte maybe QUOBYTE_VOLUME_SOURCE;
        16 azureDisk maybe AZURE_DISK_VOLUME_SOURCE;
        17 photonPersistentDisk maybe PHOTON_PERSISTENT_DISK_VOLUME_SOURCE;
        18 portworxVolume maybe PORTWORX_VOLUME_SOURCE; 19 scaleIO maybe SCALE_IO_PERSISTENT_VOLUME_SOURCE;
        20 local maybe LOCAL_VOLUME_SOURCE; 21 storageos maybe STORAGE_OS_PERSISTENT_VOLUME_SOURCE;
        22 csi maybe CSI_PERSISTENT_VOLUME_SOURCE
    }
    PERSISTENT_VOLUME_SPEC "PersistentVolumeSpec" {
        1 capacity map Quantity; 2 inline PERSISTENT_VOLUME_SOURCE; 3 accessModes many Text;
        4 claimRef maybe OBJECT_REFERENCE; 5 persistentVolumeReclaimPolicy one Text; 6 storageClassName one Text;
        7 mountOptions many Text; 8 volumeMode maybe Text; 9 nodeAffinity maybe VOLUME_NODE_AFFINITY;
        10 volumeAttributesClassName maybe Text
    }
    PERSISTENT_VOLUME_STATUS "PersistentVolumeStatus" {
        1 phase one Text; 2 message one Text; 3 reason one Text; 4 lastPhaseTransitionTime maybe Time
    }
    RBD_PERSISTENT_VOLUME_SOURCE "RBDPersistentVolumeSource" {
        1 monitors many Text; 2 image one Text; 3 fsType one Text; 4 pool one Text; 5 user one Text;
        6 keyring one Text; 7 secretRef maybe SECRET_REFERENCE; 8 readOnly one Bool
    }
    SCALE_IO_PERSISTENT_VOLUME_SOURCE "ScaleIOPersistentVolumeSource" {
        1 gateway one Text; 2 system one Text; 3 secretRef maybe SECRET_REFERENCE; 4 sslEnabled one Bool;
        5 protectionDomain one Text; 6 storagePool one Text; 7 storageMode one Text; 8 volumeName one Text;
        9 fsType one Text; 10 readOnly one Bool
    }
    SECRET_REFERENCE "SecretReference" { 1 name one Text; 2 namespace one Text }
    STORAGE_CLASS "StorageClass" {
        1 metadata maybe OBJECT_META; 2 provisioner one Text; 3 parameters map Text; 4 reclaimPolicy maybe Text;
        5 mountOptions many Text; 6 allowVolumeExpansion maybe Bool; 7 volumeBindingMode maybe Text;
        8 allowedTopologies many TOPOLOGY_SELECTOR_TERM
    }
    STORAGE_OS_PERSISTENT_VOLUME_SOURCE "StorageOSPersistentVolumeSource" {
        1 volumeName one Text; 2 volumeNamespace one Text; 3 fsType one Text; 4 readOnly one Bool;
        5 secretRef maybe OBJECT_REFERENCE
    }
    TOKEN_REQUEST_OF_STORAGE "TokenRequest" { 1 audience one Text; 2 expirationSeconds maybe Int64 }
    TYPED_LOCAL_OBJECT_REFERENCE "TypedLocalObjectReference" {
        1 apiGroup maybe Text; 2 kind one Text; 3 name one Text
    }
    TYPED_OBJECT_REFERENCE "TypedObjectReference" {
        1 apiGroup maybe Text; 2 kind one Text; 3 name one Text; 4 namespace maybe Text
    }
    VOLUME_NODE_AFFINITY "VolumeNodeAffinity" { 1 required maybe NODE_SELECTOR }
    VOLUME_NODE_RESOURCES "VolumeNodeResources" { 1 count maybe Int32 }
    VOLUME_RESOURCE_REQUIREMENTS "VolumeResourceRequirements" { 1 limits map Quantity; 2 requests map Quantity }
}
