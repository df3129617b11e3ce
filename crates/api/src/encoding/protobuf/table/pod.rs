//! Pods and their status.

use super::cluster::NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS;
use super::container::{
    CONTAINER, CONTAINER_EXTENDED_RESOURCE_REQUEST, CONTAINER_STATUS, EPHEMERAL_CONTAINER, LOCAL_OBJECT_REFERENCE,
    POD_RESOURCE_CLAIM, POD_SECURITY_CONTEXT, RESOURCE_REQUIREMENTS,
};
use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::volume::VOLUME;
use crate::encoding::protobuf::message::messages;

messages! {
    AFFINITY "Affinity" {
        1 nodeAffinity maybe NODE_AFFINITY; 2 podAffinity maybe POD_AFFINITY;
        3 podAntiAffinity maybe POD_ANTI_AFFINITY
    }
    HOST_ALIAS "HostAlias" { 1 ip one Text; 2 hostnames many Text }
    HOST_IP "HostIP" { 1 ip one Text }
    NODE_AFFINITY "NodeAffinity" {
        1 requiredDuringSchedulingIgnoredDuringExecution maybe NODE_SELECTOR;
        2 preferredDuringSchedulingIgnoredDuringExecution many PREFERRED_SCHEDULING_TERM
    }
    NODE_SELECTOR "NodeSelector" { 1 nodeSelectorTerms many NODE_SELECTOR_TERM }
    NODE_SELECTOR_REQUIREMENT "NodeSelectorRequirement" { 1 key one Text; 2 operator one Text; 3 values many Text }
    NODE_SELECTOR_TERM "NodeSelectorTerm" {
        1 matchExpressions many NODE_SELECTOR_REQUIREMENT; 2 matchFields many NODE_SELECTOR_REQUIREMENT
    }
    OBJECT_REFERENCE "ObjectReference" {
        1 kind one Text; 2 namespace one Text; 3 name one Text; 4 uid one Text; 5 apiVersion one Text;
        6 resourceVersion one Text; 7 fieldPath one Text
    }
    POD "Pod" { 1 metadata maybe OBJECT_META; 2 spec maybe POD_SPEC; 3 status maybe POD_STATUS }
    POD_AFFINITY "PodAffinity" {
        1 requiredDuringSchedulingIgnoredDuringExecution many POD_AFFINITY_TERM;
        2 preferredDuringSchedulingIgnoredDuringExecution many WEIGHTED_POD_AFFINITY_TERM
    }
    POD_AFFINITY_TERM "PodAffinityTerm" {
        1 labelSelector maybe LABEL_SELECTOR; 2 namespaces many Text; 3 topologyKey one Text;
        4 namespaceSelector maybe LABEL_SELECTOR; 5 matchLabelKeys many Text; 6 mismatchLabelKeys many Text
    }
    POD_ANTI_AFFINITY "PodAntiAffinity" {
        1 requiredDuringSchedulingIgnoredDuringExecution many POD_AFFINITY_TERM;
        2 preferredDuringSchedulingIgnoredDuringExecution many WEIGHTED_POD_AFFINITY_TERM
    }
    POD_CONDITION "PodCondition" {
        1 type one Text; 2 status one Text; 3 lastProbeTime one Time; 4 lastTransitionTime one Time;
        5 reason one Text; 6 message one Text; 7 observedGeneration one Int64
    }
    POD_DNS_CONFIG "PodDNSConfig" {
        1 nameservers many Text; 2 searches many Text; 3 options many POD_DNS_CONFIG_OPTION
    }
    POD_DNS_CONFIG_OPTION "PodDNSConfigOption" { 1 name one Text; 2 value maybe Text }
    POD_EXTENDED_RESOURCE_CLAIM_STATUS "PodExtendedResourceClaimStatus" {
        1 requestMappings many CONTAINER_EXTENDED_RESOURCE_REQUEST; 2 resourceClaimName one Text
    }
    POD_IP "PodIP" { 1 ip one Text }
    POD_OS "PodOS" { 1 name one Text }
    POD_READINESS_GATE "PodReadinessGate" { 1 conditionType one Text }
    POD_RESOURCE_CLAIM_STATUS "PodResourceClaimStatus" { 1 name one Text; 2 resourceClaimName maybe Text }
    POD_SCHEDULING_GATE "PodSchedulingGate" { 1 name one Text }
    POD_SCHEDULING_GROUP "PodSchedulingGroup" { 1 podGroupName maybe Text }
    POD_SPEC "PodSpec" {
        1 volumes many VOLUME; 2 containers many CONTAINER; 3 restartPolicy one Text;
        4 terminationGracePeriodSeconds maybe Int64; 5 activeDeadlineSeconds maybe Int64; 6 dnsPolicy one Text;
        7 nodeSelector map Text; 8 serviceAccountName one Text; 9 serviceAccount one Text; 10 nodeName one Text;
        11 hostNetwork one Bool; 12 hostPID one Bool; 13 hostIPC one Bool;
        14 securityContext maybe POD_SECURITY_CONTEXT; 15 imagePullSecrets many LOCAL_OBJECT_REFERENCE;
        16 hostname one Text; 17 subdomain one Text; 18 affinity maybe AFFINITY; 19 schedulerName one Text;
        20 initContainers many CONTAINER; 21 automountServiceAccountToken maybe Bool; 22 tolerations many TOLERATION;
        23 hostAliases many HOST_ALIAS; 24 priorityClassName one Text; 25 priority maybe Int32;
        26 dnsConfig maybe POD_DNS_CONFIG; 27 shareProcessNamespace maybe Bool;
        28 readinessGates many POD_READINESS_GATE; 29 runtimeClassName maybe Text; 30 enableServiceLinks maybe Bool;
        31 preemptionPolicy maybe Text; 32 overhead map Quantity;
        33 topologySpreadConstraints many TOPOLOGY_SPREAD_CONSTRAINT; 34 ephemeralContainers many EPHEMERAL_CONTAINER;
        35 setHostnameAsFQDN maybe Bool; 36 os maybe POD_OS; 37 hostUsers maybe Bool;
        38 schedulingGates many POD_SCHEDULING_GATE; 39 resourceClaims many POD_RESOURCE_CLAIM;
        40 resources maybe RESOURCE_REQUIREMENTS; 41 hostnameOverride maybe Text;
        43 schedulingGroup maybe POD_SCHEDULING_GROUP
    }
    POD_STATUS "PodStatus" {
        1 phase one Text; 2 conditions many POD_CONDITION; 3 message one Text; 4 reason one Text; 5 hostIP one Text;
        6 podIP one Text; 7 startTime maybe Time; 8 containerStatuses many CONTAINER_STATUS; 9 qosClass one Text;
        10 initContainerStatuses many CONTAINER_STATUS; 11 nominatedNodeName one Text; 12 podIPs many POD_IP;
        13 ephemeralContainerStatuses many CONTAINER_STATUS; 14 resize one Text;
        15 resourceClaimStatuses many POD_RESOURCE_CLAIM_STATUS; 16 hostIPs many HOST_IP;
        17 observedGeneration one Int64; 18 extendedResourceClaimStatus maybe POD_EXTENDED_RESOURCE_CLAIM_STATUS;
        19 allocatedResources map Quantity; 20 resources maybe RESOURCE_REQUIREMENTS;
        21 nodeAllocatableResourceClaimStatuses many NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS
    }
    POD_TEMPLATE_SPEC "PodTemplateSpec" { 1 metadata maybe OBJECT_META; 2 spec maybe POD_SPEC }
    PREFERRED_SCHEDULING_TERM "PreferredSchedulingTerm" { 1 weight one Int32; 2 preference maybe NODE_SELECTOR_TERM }
    SYSCTL "Sysctl" { 1 name one Text; 2 value one Text }
    TOLERATION "Toleration" {
        1 key one Text; 2 operator one Text; 3 value one Text; 4 effect one Text; 5 tolerationSeconds maybe Int64
    }
    TOPOLOGY_SELECTOR_LABEL_REQUIREMENT "TopologySelectorLabelRequirement" { 1 key one Text; 2 values many Text }
    TOPOLOGY_SELECTOR_TERM "TopologySelectorTerm" { 1 matchLabelExpressions many TOPOLOGY_SELECTOR_LABEL_REQUIREMENT }
    TOPOLOGY_SPREAD_CONSTRAINT "TopologySpreadConstraint" {
        1 maxSkew one Int32; 2 topologyKey one Text; 3 whenUnsatisfiable one Text;
        4 labelSelector maybe LABEL_SELECTOR; 5 minDomains maybe Int32; 6 nodeAffinityPolicy maybe Text;
        7 nodeTaintsPolicy maybe Text; 8 matchLabelKeys many Text
    }
    WEIGHTED_POD_AFFINITY_TERM "WeightedPodAffinityTerm" {
        1 weight one Int32; 2 podAffinityTerm maybe POD_AFFINITY_TERM
    }
}
