"""What the Python client does with a cluster: called with a kubeconfig and the name of an image that has busybox."""

import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream

NAMESPACE = "default"


def pod(image):
    script = "mkdir /tmp/w; echo page > /tmp/w/index.html; echo up; exec httpd -f -p 8080 -h /tmp/w"
    container = {"name": "main", "image": image, "command": ["sh", "-c", script]}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "p"}}, "spec": spec}


def wait_for(core, is_it, **options):
    """Watches Pods until one event is what is waited for."""
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_pod, NAMESPACE, timeout_seconds=60, **options):
        if is_it(event):
            watcher.stop()
            return event["object"]
    raise AssertionError("it was never told")


def is_ready(event):
    conditions = event["object"].status.conditions or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def create_and_watch(core, image):
    core.create_namespaced_pod(NAMESPACE, pod(image))
    ready = wait_for(core, is_ready, label_selector="app=p")
    assert ready.spec.restart_policy == "Always", ready.spec
    listed = core.list_namespaced_pod(NAMESPACE, field_selector="metadata.name=p").items
    assert [item.metadata.name for item in listed] == ["p"]


def patch(core):
    patched = core.patch_namespaced_pod("p", NAMESPACE, {"metadata": {"labels": {"s": "1"}}})
    assert patched.metadata.labels == {"app": "p", "s": "1"}, patched.metadata.labels
    operations = [{"op": "remove", "path": "/metadata/labels/s"}]
    patched = core.patch_namespaced_pod("p", NAMESPACE, operations)
    assert patched.metadata.labels == {"app": "p"}, patched.metadata.labels


def run_a_command(core):
    said = stream(core.connect_get_namespaced_pod_exec, "p", NAMESPACE, command=["echo", "hello"],
                  stderr=True, stdin=False, stdout=True, tty=False)
    assert said == "hello\n", said
    running = stream(core.connect_get_namespaced_pod_exec, "p", NAMESPACE, command=["sh", "-c", "read line; exit $line"],
                     stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False)
    running.write_stdin("7\n")
    running.run_forever(timeout=60)
    assert running.returncode == 7, running.returncode


def forward_a_port(core):
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, "p", NAMESPACE, ports="8080")
    connection = forwarded.socket(8080)
    connection.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
    answer = b""
    while part := connection.recv(4096):
        answer += part
    assert answer.endswith(b"page\n"), answer
    assert forwarded.error(8080) is None


def delete(core):
    core.delete_namespaced_pod("p", NAMESPACE)
    listed = core.list_namespaced_pod(NAMESPACE, label_selector="app=p")
    if listed.items:
        version = listed.metadata.resource_version
        wait_for(core, lambda event: event["type"] == "DELETED", label_selector="app=p", resource_version=version)
    try:
        core.read_namespaced_pod("p", NAMESPACE)
        raise AssertionError("it is there")
    except ApiException as error:
        assert error.status == 404, error


def config_maps(core):
    for name in ("a", "b"):
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"of": "python"}), data={"x": "1"})
        core.create_namespaced_config_map(NAMESPACE, body)
    body = core.read_namespaced_config_map("a", NAMESPACE)
    old = core.read_namespaced_config_map("a", NAMESPACE)
    body.data["x"] = "2"
    core.replace_namespaced_config_map("a", NAMESPACE, body)
    try:
        core.replace_namespaced_config_map("a", NAMESPACE, old)
        raise AssertionError("an old version took the place of a newer one")
    except ApiException as error:
        assert error.status == 409, error
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="of=python", propagation_policy="Background")
    assert core.list_namespaced_config_map(NAMESPACE, label_selector="of=python").items == []


def apply(api):
    maps = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d", "namespace": NAMESPACE}, "data": {"a": "1"}}
    applied = maps.server_side_apply(body=body, field_manager="python")
    assert applied.metadata.managedFields[0].manager == "python", applied
    body["data"] = {"a": "2"}
    try:
        maps.server_side_apply(body=body, field_manager="other")
        raise AssertionError("there is no conflict")
    except ApiException as error:
        assert error.status == 409, error
    maps.delete(name="d", namespace=NAMESPACE)


def main(kubeconfig, image):
    config.load_kube_config(kubeconfig)
    api = client.ApiClient()
    core = client.CoreV1Api(api)
    assert client.VersionApi(api).get_code().git_version.startswith("v1."), "a version"
    accounts = watch.Watch().stream(core.list_namespaced_service_account, NAMESPACE, timeout_seconds=60)
    next(event for event in accounts if event["object"].metadata.name == "default")
    steps = [lambda: config_maps(core), lambda: apply(api), lambda: create_and_watch(core, image), lambda: patch(core),
             lambda: run_a_command(core), lambda: forward_a_port(core), lambda: delete(core)]
    for number, step in enumerate(steps):
        step()
        print("step", number, "is done", flush=True)
    assert core.list_namespaced_pod(NAMESPACE).items == []
    print("all done")


main(*sys.argv[1:])
