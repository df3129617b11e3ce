//! Where Pods reach the API.

use super::cluster::{Cluster, Release};
use super::pods::SLEEP;

#[test]
fn pods_are_told_where_the_api_is_and_reach_it_there() {
    let cluster = Cluster::with_node(Release::Newer);
    let image = reprise_testkit::image::BUSYBOX_IMAGE;
    cluster.ok(&["apply", "-f", &cluster.file(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: client}}\nspec:\n  containers:\n  - name: c\n    image: {image}\n    \
         command: [sh, -c, \"{SLEEP}\"]\n"
    ))]);
    cluster.ok(&["wait", "--for=condition=Ready", "pod/client", "--timeout=60s"]);
    let address = cluster.field("service/kubernetes", ".spec.clusterIP");
    assert_eq!(address, cluster.node.subnet().replace(".0/24", ".1"), "it is the Pods' gateway");
    let port = cluster.field("service/kubernetes", ".spec.ports[0].port");
    let inside = |command: &str| cluster.ok(&["exec", "client", "--", "sh", "-c", command]);
    assert_eq!(inside("echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT").trim(), format!("{address} {port}"));
    inside("nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null");
}
