//! Volumes of Pods.

use super::container::{LOCAL_OBJECT_REFERENCE, OBJECT_FIELD_SELECTOR, RESOURCE_FIELD_SELECTOR};
use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::storage::PERSISTENT_VOLUME_CLAIM_SPEC;
use crate::encoding::protobuf::message::messages;

messages! {
    AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE "AWSElasticBlockStoreVolumeSource" {
        1 volumeID one Text; 2 fsType one Text; 3 partition one Int32; 4 readOnly one Bool
    }
    AZURE_DISK_VOLUME_SOURCE "AzureDiskVolumeSource" {
        1 diskName one Text; 2 diskURI one Text; 3 cachingMode maybe Text; 4 fsType maybe Text; 5 readOnly maybe Bool;
        6 kind maybe Text
    }
    AZURE_FILE_VOLUME_SOURCE "AzureFileVolumeSource" {
        1 secretName one Text; 2 shareName one Text; 3 readOnly one Bool
    }
    CEPH_FS_VOLUME_SOURCE "CephFSVolumeSource" {
        1 monitors many Text; 2 path one Text; 3 user one Text; 4 secretFile one Text;
        5 secretRef maybe LOCAL_OBJECT_REFERENCE; 6 readOnly one Bool
    }
    CINDER_VOLUME_SOURCE "CinderVolumeSource" {
        1 volumeID one Text; 2 fsType one Text; 3 readOnly one Bool; 4 secretRef maybe LOCAL_OBJECT_REFERENCE
    }
    CLUSTER_TRUST_BUNDLE_PROJECTION "ClusterTrustBundleProjection" {
        1 name maybe Text; 2 signerName maybe Text; 3 labelSelector maybe LABEL_SELECTOR; 4 path one Text;
        5 optional maybe Bool
    }
    CONFIG_MAP_PROJECTION "ConfigMapProjection" {
        1 inline LOCAL_OBJECT_REFERENCE; 2 items many KEY_TO_PATH; 4 optional maybe Bool
    }
    CONFIG_MAP_VOLUME_SOURCE "ConfigMapVolumeSource" {
        1 inline LOCAL_OBJECT_REFERENCE; 2 items many KEY_TO_PATH; 3 defaultMode maybe Int32; 4 optional maybe Bool
    }
    CSI_VOLUME_SOURCE "CSIVolumeSource" {
        1 driver one Text; 2 readOnly maybe Bool; 3 fsType maybe Text; 4 volumeAttributes map Text;
        5 nodePublishSecretRef maybe LOCAL_OBJECT_REFERENCE
    }
    DOWNWARD_API_PROJECTION "DownwardAPIProjection" { 1 items many DOWNWARD_API_VOLUME_FILE }
    DOWNWARD_API_VOLUME_FILE "DownwardAPIVolumeFile" {
        1 path one Text; 2 fieldRef maybe OBJECT_FIELD_SELECTOR; 3 resourceFieldRef maybe RESOURCE_FIELD_SELECTOR;
        4 mode maybe Int32
    }
    DOWNWARD_API_VOLUME_SOURCE "DownwardAPIVolumeSource" {
        1 items many DOWNWARD_API_VOLUME_FILE; 2 defaultMode maybe Int32
    }
    EMPTY_DIR_VOLUME_SOURCE "EmptyDirVolumeSource" { 1 medium one Text; 2 sizeLimit maybe Quantity }
    EPHEMERAL_VOLUME_SOURCE "EphemeralVolumeSource" { 1 volumeClaimTemplate maybe PERSISTENT_VOLUME_CLAIM_TEMPLATE }
    FC_VOLUME_SOURCE "FCVolumeSource" {
        1 targetWWNs many Text; 2 lun maybe Int32; 3 fsType one Text; 4 readOnly one Bool; 5 wwids many Text
    }
    FLEX_VOLUME_SOURCE "FlexVolumeSource" {
        1 driver one Text; 2 fsType one Text; 3 secretRef maybe LOCAL_OBJECT_REFERENCE; 4 readOnly one Bool;
        5 options map Text
    }
    FLOCKER_VOLUME_SOURCE "FlockerVolumeSource" { 1 datasetName one Text; 2 datasetUUID one Text }
    GCE_PERSISTENT_DISK_VOLUME_SOURCE "GCEPersistentDiskVolumeSource" {
        1 pdName one Text; 2 fsType one Text; 3 partition one Int32; 4 readOnly one Bool
    }
    GIT_REPO_VOLUME_SOURCE "GitRepoVolumeSource" { 1 repository one Text; 2 revision one Text; 3 directory one Text }
    GLUSTERFS_VOLUME_SOURCE "GlusterfsVolumeSource" { 1 endpoints one Text; 2 path one Text; 3 readOnly one Bool }
    HOST_PATH_VOLUME_SOURCE "HostPathVolumeSource" { 1 path one Text; 2 type maybe Text }
    IMAGE_VOLUME_SOURCE "ImageVolumeSource" { 1 reference one Text; 2 pullPolicy one Text }
    IMAGE_VOLUME_STATUS "ImageVolumeStatus" { 1 imageRef one Text }
    ISCSI_VOLUME_SOURCE "ISCSIVolumeSource" {
        1 targetPortal one Text; 2 iqn one Text; 3 lun one Int32; 4 iscsiInterface one Text; 5 fsType one Text;
        6 readOnly one Bool; 7 portals many Text; 8 chapAuthDiscovery one Bool;
        10 secretRef maybe LOCAL_OBJECT_REFERENCE; 11 chapAuthSession one Bool; 12 initiatorName maybe Text
    }
    KEY_TO_PATH "KeyToPath" { 1 key one Text; 2 path one Text; 3 mode maybe Int32 }
    NFS_VOLUME_SOURCE "NFSVolumeSource" { 1 server one Text; 2 path one Text; 3 readOnly one Bool }
    PERSISTENT_VOLUME_CLAIM_TEMPLATE "PersistentVolumeClaimTemplate" {
        1 metadata maybe OBJECT_META; 2 spec maybe PERSISTENT_VOLUME_CLAIM_SPEC
    }
    PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE "PersistentVolumeClaimVolumeSource" {
        1 claimName one Text; 2 readOnly one Bool
    }
    PHOTON_PERSISTENT_DISK_VOLUME_SOURCE "PhotonPersistentDiskVolumeSource" { 1 pdID one Text; 2 fsType one Text }
    POD_CERTIFICATE_PROJECTION "PodCertificateProjection" {
        1 signerName one Text; 2 keyType one Text; 3 maxExpirationSeconds maybe Int32;
        4 credentialBundlePath one Text; 5 keyPath one Text; 6 certificateChainPath one Text;
        7 userAnnotations map Text
    }
    PORTWORX_VOLUME_SOURCE "PortworxVolumeSource" { 1 volumeID one Text; 2 fsType one Text; 3 readOnly one Bool }
    PROJECTED_VOLUME_SOURCE "ProjectedVolumeSource" { 1 sources many VOLUME_PROJECTION; 2 defaultMode maybe Int32 }
    QUOBYTE_VOLUME_SOURCE "QuobyteVolumeSource" {
        1 registry one Text; 2 volume one Text; 3 readOnly one Bool; 4 user one Text; 5 group one Text;
        6 tenant one Text
    }
    RBD_VOLUME_SOURCE "RBDVolumeSource" {
        1 monitors many Text; 2 image one Text; 3 fsType one Text; 4 pool one Text; 5 user one Text;
        6 keyring one Text; 7 secretRef maybe LOCAL_OBJECT_REFERENCE; 8 readOnly one Bool
    }
    SCALE_IO_VOLUME_SOURCE "ScaleIOVolumeSource" {
        1 gateway one Text; 2 system one Text; 3 secretRef maybe LOCAL_OBJECT_REFERENCE; 4 sslEnabled one Bool;
        5 protectionDomain one Text; 6 storagePool one Text; 7 storageMode one Text; 8 volumeName one Text;
        9 fsType one Text; 10 readOnly one Bool
    }
    SECRET_PROJECTION "SecretProjection" {
        1 inline LOCAL_OBJECT_REFERENCE; 2 items many KEY_TO_PATH; 4 optional maybe Bool
    }
    SECRET_VOLUME_SOURCE "SecretVolumeSource" {
        1 secretName one Text; 2 items many KEY_TO_PATH; 3 defaultMode maybe Int32; 4 optional maybe Bool
    }
    SERVICE_ACCOUNT_TOKEN_PROJECTION "ServiceAccountTokenProjection" {
        1 audience one Text; 2 expirationSeconds maybe Int64; 3 path one Text
    }
    STORAGE_OS_VOLUME_SOURCE "StorageOSVolumeSource" {
        1 volumeName one Text; 2 volumeNamespace one Text; 3 fsType one Text; 4 readOnly one Bool;
        5 secretRef maybe LOCAL_OBJECT_REFERENCE
    }
    VOLUME "Volume" { 1 name one Text; 2 inline VOLUME_SOURCE }
    VOLUME_DEVICE "VolumeDevice" { 1 name one Text; 2 devicePath one Text }
    VOLUME_MOUNT "VolumeMount" {
        1 name one Text; 2 readOnly one Bool; 3 mountPath one Text; 4 subPath one Text; 5 mountPropagation maybe Text;
        6 subPathExpr one Text; 7 recursiveReadOnly maybe Text
    }
    VOLUME_MOUNT_STATUS "VolumeMountStatus" {
        1 name one Text; 2 mountPath one Text; 3 readOnly one Bool; 4 recursiveReadOnly maybe Text;
        5 volumeStatus maybe VOLUME_STATUS
    }
    VOLUME_PROJECTION "VolumeProjection" {
        1 secret maybe SECRET_PROJECTION; 2 downwardAPI maybe DOWNWARD_API_PROJECTION;
        3 configMap maybe CONFIG_MAP_PROJECTION; 4 serviceAccountToken maybe SERVICE_ACCOUNT_TOKEN_PROJECTION;
        5 clusterTrustBundle maybe CLUSTER_TRUST_BUNDLE_PROJECTION; 6 podCertificate maybe POD_CERTIFICATE_PROJECTION
    }
    VOLUME_SOURCE "VolumeSource" {
        1 hostPath maybe HOST_PATH_VOLUME_SOURCE; 2 emptyDir maybe EMPTY_DIR_VOLUME_SOURCE;
        3 gcePersistentDisk maybe GCE_PERSISTENT_DISK_VOLUME_SOURCE;
        4 awsElasticBlockStore maybe AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE; 5 gitRepo maybe GIT_REPO_VOLUME_SOURCE;
        6 secret maybe SECRET_VOLUME_SOURCE; 7 nfs maybe NFS_VOLUME_SOURCE; 8 iscsi maybe ISCSI_VOLUME_SOURCE;
        9 glusterfs maybe GLUSTERFS_VOLUME_SOURCE;
        10 persistentVolumeClaim maybe PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE; 11 rbd maybe RBD_VOLUME_SOURCE;
        12 flexVolume maybe FLEX_VOLUME_SOURCE; 13 cinder maybe CINDER_VOLUME_SOURCE;
        14 cephfs maybe CEPH_FS_VOLUME_SOURCE; 15 flocker maybe FLOCKER_VOLUME_SOURCE;
        16 downwardAPI maybe DOWNWARD_API_VOLUME_SOURCE; 17 fc maybe FC_VOLUME_SOURCE;
        18 azureFile maybe AZURE_FILE_VOLUME_SOURCE; 19 configMap maybe CONFIG_MAP_VOLUME_SOURCE;
        20 vsphereVolume maybe VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE; 21 quobyte maybe QUOBYTE_VOLUME_SOURCE;
        22 azureDisk maybe AZURE_DISK_VOLUME_SOURCE;
        23 photonPersistentDisk maybe PHOTON_PERSISTENT_DISK_VOLUME_SOURCE;
        24 portworxVolume maybe PORTWORX_VOLUME_SOURCE; 25 scaleIO maybe SCALE_IO_VOLUME_SOURCE;
        26 projected maybe PROJECTED_VOLUME_SOURCE; 27 storageos maybe STORAGE_OS_VOLUME_SOURCE;
        28 csi maybe CSI_VOLUME_SOURCE; 29 ephemeral maybe EPHEMERAL_VOLUME_SOURCE; 30 image maybe IMAGE_VOLUME_SOURCE
    }
    VOLUME_STATUS "VolumeStatus" { 1 image maybe IMAGE_VOLUME_STATUS }
    VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE "VsphereVirtualDiskVolumeSource" {
        1 volumePath one Text; 2 fsType one Text; 3 storagePolicyName one Text; 4 storagePolicyID one Text
    }
}
