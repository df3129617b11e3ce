//! Nodes, namespaces, services, events, leases, classes, and objects with data alone.

use super::container::LOCAL_OBJECT_REFERENCE;
use super::meta::{CONDITION, DELETE_OPTIONS, OBJECT_META};
use super::pod::{OBJECT_REFERENCE, TOLERATION};
use crate::encoding::protobuf::message::messages;

messages! {
    ATTACHED_VOLUME "AttachedVolume" { 1 name one Text; 2 devicePath one Text }
    BINDING "Binding" { 1 metadata maybe OBJECT_META; 2 target maybe OBJECT_REFERENCE }
    CLIENT_IP_CONFIG "ClientIPConfig" { 1 timeoutSeconds maybe Int32 }
    CONFIG_MAP "ConfigMap" {
        1 metadata maybe OBJECT_META; 2 data map Text; 3 binaryData map Bytes; 4 immutable maybe Bool
    }
    CONFIG_MAP_NODE_CONFIG_SOURCE "ConfigMapNodeConfigSource" {
        1 namespace one Text; 2 name one Text; 3 uid one Text; 4 resourceVersion one Text; 5 kubeletConfigKey one Text
    }
    CONTAINER_IMAGE "ContainerImage" { 1 names many Text; 2 sizeBytes one Int64 }
    DAEMON_ENDPOINT "DaemonEndpoint" { 1 Port one Int32 }
    EVENT "Event" {
        1 metadata maybe OBJECT_META; 2 involvedObject maybe OBJECT_REFERENCE; 3 reason one Text; 4 message one Text;
        5 source maybe EVENT_SOURCE; 6 firstTimestamp one Time; 7 lastTimestamp one Time; 8 count one Int32;
        9 type one Text; 10 eventTime one MicroTime; 11 series maybe EVENT_SERIES; 12 action one Text;
        13 related maybe OBJECT_REFERENCE; 14 reportingComponent one Text; 15 reportingInstance one Text
    }
    EVENT_SERIES "EventSeries" { 1 count one Int32; 2 lastObservedTime one MicroTime }
    EVENT_SOURCE "EventSource" { 1 component one Text; 2 host one Text }
    EVICTION "Eviction" { 1 metadata maybe OBJECT_META; 2 deleteOptions maybe DELETE_OPTIONS }
    LEASE "Lease" { 1 metadata maybe OBJECT_META; 2 spec maybe LEASE_SPEC }
    LEASE_SPEC "LeaseSpec" {
        1 holderIdentity maybe Text; 2 leaseDurationSeconds maybe Int32; 3 acquireTime maybe MicroTime;
        4 renewTime maybe MicroTime; 5 leaseTransitions maybe Int32; 6 strategy maybe Text;
        7 preferredHolder maybe Text
    }
    LOAD_BALANCER_INGRESS "LoadBalancerIngress" {
        1 ip one Text; 2 hostname one Text; 3 ipMode maybe Text; 4 ports many PORT_STATUS
    }
    LOAD_BALANCER_STATUS "LoadBalancerStatus" { 1 ingress many LOAD_BALANCER_INGRESS }
    NAMESPACE "Namespace" {
        1 metadata maybe OBJECT_META; 2 spec maybe NAMESPACE_SPEC; 3 status maybe NAMESPACE_STATUS
    }
    NAMESPACE_CONDITION "NamespaceCondition" {
        1 type one Text; 2 status one Text; 4 lastTransitionTime one Time; 5 reason one Text; 6 message one Text
    }
    NAMESPACE_SPEC "NamespaceSpec" { 1 finalizers many Text }
    NAMESPACE_STATUS "NamespaceStatus" { 1 phase one Text; 2 conditions many NAMESPACE_CONDITION }
    NODE "Node" { 1 metadata maybe OBJECT_META; 2 spec maybe NODE_SPEC; 3 status maybe NODE_STATUS }
    NODE_ADDRESS "NodeAddress" { 1 type one Text; 2 address one Text }
    NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS "NodeAllocatableResourceClaimStatus" {
        1 resourceClaimName one Text; 2 containers many Text
    }
    NODE_CONDITION "NodeCondition" {
        1 type one Text; 2 status one Text; 3 lastHeartbeatTime one Time; 4 lastTransitionTime one Time;
        5 reason one Text; 6 message one Text
    }
    NODE_CONFIG_SOURCE "NodeConfigSource" { 2 configMap maybe CONFIG_MAP_NODE_CONFIG_SOURCE }
    NODE_CONFIG_STATUS "NodeConfigStatus" {
        1 assigned maybe NODE_CONFIG_SOURCE; 2 active maybe NODE_CONFIG_SOURCE;
        3 lastKnownGood maybe NODE_CONFIG_SOURCE; 4 error one Text
    }
    NODE_DAEMON_ENDPOINTS "NodeDaemonEndpoints" { 1 kubeletEndpoint maybe DAEMON_ENDPOINT }
    NODE_FEATURES "NodeFeatures" { 1 supplementalGroupsPolicy maybe Bool }
    NODE_RUNTIME_HANDLER "NodeRuntimeHandler" { 1 name one Text; 2 features maybe NODE_RUNTIME_HANDLER_FEATURES }
    NODE_RUNTIME_HANDLER_FEATURES "NodeRuntimeHandlerFeatures" {
        1 recursiveReadOnlyMounts maybe Bool; 2 userNamespaces maybe Bool
    }
    NODE_SPEC "NodeSpec" {
        1 podCIDR one Text; 2 externalID one Text; 3 providerID one Text; 4 unschedulable one Bool;
        5 taints many TAINT; 6 configSource maybe NODE_CONFIG_SOURCE; 7 podCIDRs many Text
    }
    NODE_STATUS "NodeStatus" {
        1 capacity map Quantity; 2 allocatable map Quantity; 3 phase one Text; 4 conditions many NODE_CONDITION;
        5 addresses many NODE_ADDRESS; 6 daemonEndpoints maybe NODE_DAEMON_ENDPOINTS;
        7 nodeInfo maybe NODE_SYSTEM_INFO; 8 images many CONTAINER_IMAGE; 9 volumesInUse many Text;
        10 volumesAttached many ATTACHED_VOLUME; 11 config maybe NODE_CONFIG_STATUS;
        12 runtimeHandlers many NODE_RUNTIME_HANDLER; 13 features maybe NODE_FEATURES; 14 declaredFeatures many Text
    }
    NODE_SWAP_STATUS "NodeSwapStatus" { 1 capacity maybe Int64 }
    NODE_SYSTEM_INFO "NodeSystemInfo" {
        1 machineID one Text; 2 systemUUID one Text; 3 bootID one Text; 4 kernelVersion one Text; 5 osImage one Text;
        6 containerRuntimeVersion one Text; 7 kubeletVersion one Text; 8 kubeProxyVersion one Text;
        9 operatingSystem one Text; 10 architecture one Text; 11 swap maybe NODE_SWAP_STATUS
    }
    OVERHEAD "Overhead" { 1 podFixed map Quantity }
    PORT_STATUS "PortStatus" { 1 port one Int32; 2 protocol one Text; 3 error maybe Text }
    PRIORITY_CLASS "PriorityClass" {
        1 metadata maybe OBJECT_META; 2 value one Int32; 3 globalDefault one Bool; 4 description one Text;
        5 preemptionPolicy maybe Text
    }
    RUNTIME_CLASS "RuntimeClass" {
        1 metadata maybe OBJECT_META; 2 handler one Text; 3 overhead maybe OVERHEAD; 4 scheduling maybe SCHEDULING
    }
    SCHEDULING "Scheduling" { 1 nodeSelector map Text; 2 tolerations many TOLERATION }
    SECRET "Secret" {
        1 metadata maybe OBJECT_META; 2 data map Bytes; 3 type one Text; 4 stringData map Text; 5 immutable maybe Bool
    }
    SERVICE "Service" { 1 metadata maybe OBJECT_META; 2 spec maybe SERVICE_SPEC; 3 status maybe SERVICE_STATUS }
    SERVICE_ACCOUNT "ServiceAccount" {
        1 metadata maybe OBJECT_META; 2 secrets many OBJECT_REFERENCE; 3 imagePullSecrets many LOCAL_OBJECT_REFERENCE;
        4 automountServiceAccountToken maybe Bool
    }
    SERVICE_PORT "ServicePort" {
        1 name one Text; 2 protocol one Text; 3 port one Int32; 4 targetPort one IntOrString; 5 nodePort one Int32;
        6 appProtocol maybe Text
    }
    SERVICE_SPEC "ServiceSpec" {
        1 ports many SERVICE_PORT; 2 selector map Text; 3 clusterIP one Text; 4 type one Text;
        5 externalIPs many Text; 7 sessionAffinity one Text; 8 loadBalancerIP one Text;
        9 loadBalancerSourceRanges many Text; 10 externalName one Text; 11 externalTrafficPolicy one Text;
        12 healthCheckNodePort one Int32; 13 publishNotReadyAddresses one Bool;
        14 sessionAffinityConfig maybe SESSION_AFFINITY_CONFIG; 17 ipFamilyPolicy maybe Text; 18 clusterIPs many Text;
        19 ipFamilies many Text; 20 allocateLoadBalancerNodePorts maybe Bool; 21 loadBalancerClass maybe Text;
        22 internalTrafficPolicy maybe Text; 23 trafficDistribution maybe Text
    }
    SERVICE_STATUS "ServiceStatus" { 1 loadBalancer maybe LOAD_BALANCER_STATUS; 2 conditions many CONDITION }
    SESSION_AFFINITY_CONFIG "SessionAffinityConfig" { 1 clientIP maybe CLIENT_IP_CONFIG }
    TAINT "Taint" { 1 key one Text; 2 value one Text; 3 effect one Text; 4 timeAdded maybe Time }
}
