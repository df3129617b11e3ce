//! Containers.

use super::pod::SYSCTL;
use super::volume::{VOLUME_DEVICE, VOLUME_MOUNT, VOLUME_MOUNT_STATUS};
use crate::encoding::protobuf::message::messages;

messages! {
    APP_ARMOR_PROFILE "AppArmorProfile" { 1 type one Text; 2 localhostProfile maybe Text }
    CAPABILITIES "Capabilities" { 1 add many Text; 2 drop many Text }
    CONFIG_MAP_ENV_SOURCE "ConfigMapEnvSource" { 1 inline LOCAL_OBJECT_REFERENCE; 2 optional maybe Bool }
    CONFIG_MAP_KEY_SELECTOR "ConfigMapKeySelector" {
        1 inline LOCAL_OBJECT_REFERENCE; 2 key one Text; 3 optional maybe Bool
    }
    CONTAINER "Container" {
        1 name one Text; 2 image one Text; 3 command many Text; 4 args many Text; 5 workingDir one Text;
        6 ports many CONTAINER_PORT; 7 env many ENV_VAR; 8 resources maybe RESOURCE_REQUIREMENTS;
        9 volumeMounts many VOLUME_MOUNT; 10 livenessProbe maybe PROBE; 11 readinessProbe maybe PROBE;
        12 lifecycle maybe LIFECYCLE; 13 terminationMessagePath one Text; 14 imagePullPolicy one Text;
        15 securityContext maybe SECURITY_CONTEXT; 16 stdin one Bool; 17 stdinOnce one Bool; 18 tty one Bool;
        19 envFrom many ENV_FROM_SOURCE; 20 terminationMessagePolicy one Text; 21 volumeDevices many VOLUME_DEVICE;
        22 startupProbe maybe PROBE; 23 resizePolicy many CONTAINER_RESIZE_POLICY; 24 restartPolicy maybe Text;
        25 restartPolicyRules many CONTAINER_RESTART_RULE
    }
    CONTAINER_EXTENDED_RESOURCE_REQUEST "ContainerExtendedResourceRequest" {
        1 containerName one Text; 2 resourceName one Text; 3 requestName one Text
    }
    CONTAINER_PORT "ContainerPort" {
        1 name one Text; 2 hostPort one Int32; 3 containerPort one Int32; 4 protocol one Text; 5 hostIP one Text
    }
    CONTAINER_RESIZE_POLICY "ContainerResizePolicy" { 1 resourceName one Text; 2 restartPolicy one Text }
    CONTAINER_RESTART_RULE "ContainerRestartRule" {
        1 action one Text; 2 exitCodes maybe CONTAINER_RESTART_RULE_ON_EXIT_CODES
    }
    CONTAINER_RESTART_RULE_ON_EXIT_CODES "ContainerRestartRuleOnExitCodes" {
        1 operator one Text; 2 values many Int32
    }
    CONTAINER_STATE "ContainerState" {
        1 waiting maybe CONTAINER_STATE_WAITING; 2 running maybe CONTAINER_STATE_RUNNING;
        3 terminated maybe CONTAINER_STATE_TERMINATED
    }
    CONTAINER_STATE_RUNNING "ContainerStateRunning" { 1 startedAt one Time }
    CONTAINER_STATE_TERMINATED "ContainerStateTerminated" {
        1 exitCode one Int32; 2 signal one Int32; 3 reason one Text; 4 message one Text; 5 startedAt one Time;
        6 finishedAt one Time; 7 containerID one Text
    }
    CONTAINER_STATE_WAITING "ContainerStateWaiting" { 1 reason one Text; 2 message one Text }
    CONTAINER_STATUS "ContainerStatus" {
        1 name one Text; 2 state maybe CONTAINER_STATE; 3 lastState maybe CONTAINER_STATE; 4 ready one Bool;
        5 restartCount one Int32; 6 image one Text; 7 imageID one Text; 8 containerID one Text; 9 started maybe Bool;
        10 allocatedResources map Quantity; 11 resources maybe RESOURCE_REQUIREMENTS;
        12 volumeMounts many VOLUME_MOUNT_STATUS; 13 user maybe CONTAINER_USER;
        14 allocatedResourcesStatus many RESOURCE_STATUS; 15 stopSignal maybe Text
    }
    CONTAINER_USER "ContainerUser" { 1 linux maybe LINUX_CONTAINER_USER }
    ENV_FROM_SOURCE "EnvFromSource" {
        1 prefix one Text; 2 configMapRef maybe CONFIG_MAP_ENV_SOURCE; 3 secretRef maybe SECRET_ENV_SOURCE
    }
    ENV_VAR "EnvVar" { 1 name one Text; 2 value one Text; 3 valueFrom maybe ENV_VAR_SOURCE }
    ENV_VAR_SOURCE "EnvVarSource" {
        1 fieldRef maybe OBJECT_FIELD_SELECTOR; 2 resourceFieldRef maybe RESOURCE_FIELD_SELECTOR;
        3 configMapKeyRef maybe CONFIG_MAP_KEY_SELECTOR; 4 secretKeyRef maybe SECRET_KEY_SELECTOR;
        5 fileKeyRef maybe FILE_KEY_SELECTOR
    }
    EPHEMERAL_CONTAINER "EphemeralContainer" { 1 inline EPHEMERAL_CONTAINER_COMMON; 2 targetContainerName one Text }
    EPHEMERAL_CONTAINER_COMMON "EphemeralContainerCommon" {
        1 name one Text; 2 image one Text; 3 command many Text; 4 args many Text; 5 workingDir one Text;
        6 ports many CONTAINER_PORT; 7 env many ENV_VAR; 8 resources maybe RESOURCE_REQUIREMENTS;
        9 volumeMounts many VOLUME_MOUNT; 10 livenessProbe maybe PROBE; 11 readinessProbe maybe PROBE;
        12 lifecycle maybe LIFECYCLE; 13 terminationMessagePath one Text; 14 imagePullPolicy one Text;
        15 securityContext maybe SECURITY_CONTEXT; 16 stdin one Bool; 17 stdinOnce one Bool; 18 tty one Bool;
        19 envFrom many ENV_FROM_SOURCE; 20 terminationMessagePolicy one Text; 21 volumeDevices many VOLUME_DEVICE;
        22 startupProbe maybe PROBE; 23 resizePolicy many CONTAINER_RESIZE_POLICY; 24 restartPolicy maybe Text;
        25 restartPolicyRules many CONTAINER_RESTART_RULE
    }
    EXEC_ACTION "ExecAction" { 1 command many Text }
    FILE_KEY_SELECTOR "FileKeySelector" {
        1 volumeName one Text; 2 path one Text; 3 key one Text; 4 optional maybe Bool
    }
    GRPC_ACTION "GRPCAction" { 1 port one Int32; 2 service maybe Text }
    HTTP_GET_ACTION "HTTPGetAction" {
        1 path one Text; 2 port one IntOrString; 3 host one Text; 4 scheme one Text; 5 httpHeaders many HTTP_HEADER
    }
    HTTP_HEADER "HTTPHeader" { 1 name one Text; 2 value one Text }
    LIFECYCLE "Lifecycle" {
        1 postStart maybe LIFECYCLE_HANDLER; 2 preStop maybe LIFECYCLE_HANDLER; 3 stopSignal maybe Text
    }
    LIFECYCLE_HANDLER "LifecycleHandler" {
        1 exec maybe EXEC_ACTION; 2 httpGet maybe HTTP_GET_ACTION; 3 tcpSocket maybe TCP_SOCKET_ACTION;
        4 sleep maybe SLEEP_ACTION
    }
    LINUX_CONTAINER_USER "LinuxContainerUser" { 1 uid one Int64; 2 gid one Int64; 3 supplementalGroups many Int64 }
    LOCAL_OBJECT_REFERENCE "LocalObjectReference" { 1 name one Text }
    OBJECT_FIELD_SELECTOR "ObjectFieldSelector" { 1 apiVersion one Text; 2 fieldPath one Text }
    POD_RESOURCE_CLAIM "PodResourceClaim" {
        1 name one Text; 3 resourceClaimName maybe Text; 4 resourceClaimTemplateName maybe Text
    }
    POD_SECURITY_CONTEXT "PodSecurityContext" {
        1 seLinuxOptions maybe SE_LINUX_OPTIONS; 2 runAsUser maybe Int64; 3 runAsNonRoot maybe Bool;
        4 supplementalGroups many Int64; 5 fsGroup maybe Int64; 6 runAsGroup maybe Int64; 7 sysctls many SYSCTL;
        8 windowsOptions maybe WINDOWS_SECURITY_CONTEXT_OPTIONS; 9 fsGroupChangePolicy maybe Text;
        10 seccompProfile maybe SECCOMP_PROFILE; 11 appArmorProfile maybe APP_ARMOR_PROFILE;
        12 supplementalGroupsPolicy maybe Text; 13 seLinuxChangePolicy maybe Text
    }
    PROBE "Probe" {
        1 inline PROBE_HANDLER; 2 initialDelaySeconds one Int32; 3 timeoutSeconds one Int32;
        4 periodSeconds one Int32; 5 successThreshold one Int32; 6 failureThreshold one Int32;
        7 terminationGracePeriodSeconds maybe Int64
    }
    PROBE_HANDLER "ProbeHandler" {
        1 exec maybe EXEC_ACTION; 2 httpGet maybe HTTP_GET_ACTION; 3 tcpSocket maybe TCP_SOCKET_ACTION;
        4 grpc maybe GRPC_ACTION
    }
    RESOURCE_CLAIM "ResourceClaim" { 1 name one Text; 2 request one Text }
    RESOURCE_FIELD_SELECTOR "ResourceFieldSelector" {
        1 containerName one Text; 2 resource one Text; 3 divisor one Quantity
    }
    RESOURCE_HEALTH "ResourceHealth" { 1 resourceID one Text; 2 health one Text; 6 message maybe Text }
    RESOURCE_REQUIREMENTS "ResourceRequirements" {
        1 limits map Quantity; 2 requests map Quantity; 3 claims many RESOURCE_CLAIM
    }
    RESOURCE_STATUS "ResourceStatus" { 1 name one Text; 2 resources many RESOURCE_HEALTH }
    SECCOMP_PROFILE "SeccompProfile" { 1 type one Text; 2 localhostProfile maybe Text }
    SECRET_ENV_SOURCE "SecretEnvSource" { 1 inline LOCAL_OBJECT_REFERENCE; 2 optional maybe Bool }
    SECRET_KEY_SELECTOR "SecretKeySelector" { 1 inline LOCAL_OBJECT_REFERENCE; 2 key one Text; 3 optional maybe Bool }
    SECURITY_CONTEXT "SecurityContext" {
        1 capabilities maybe CAPABILITIES; 2 privileged maybe Bool; 3 seLinuxOptions maybe SE_LINUX_OPTIONS;
        4 runAsUser maybe Int64; 5 runAsNonRoot maybe Bool; 6 readOnlyRootFilesystem maybe Bool;
        7 allowPrivilegeEscalation maybe Bool; 8 runAsGroup maybe Int64; 9 procMount maybe Text;
        10 windowsOptions maybe WINDOWS_SECURITY_CONTEXT_OPTIONS; 11 seccompProfile maybe SECCOMP_PROFILE;
        12 appArmorProfile maybe APP_ARMOR_PROFILE
    }
    SE_LINUX_OPTIONS "SELinuxOptions" { 1 user one Text; 2 role one Text; 3 type one Text; 4 level one Text }
    SLEEP_ACTION "SleepAction" { 1 seconds one Int64 }
    TCP_SOCKET_ACTION "TCPSocketAction" { 1 port one IntOrString; 2 host one Text }
    WINDOWS_SECURITY_CONTEXT_OPTIONS "WindowsSecurityContextOptions" {
        1 gmsaCredentialSpecName maybe Text; 2 gmsaCredentialSpec maybe Text; 3 runAsUserName maybe Text;
        4 hostProcess maybe Bool
    }
}
