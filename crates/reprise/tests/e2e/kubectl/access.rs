//! `auth`: who one is, and what one may do.

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(
    the_owner_may_do_everything_and_can_ask,
    a_service_account_may_do_what_it_was_given,
    a_token_that_is_none_lets_nobody_in,
);

fn the_owner_may_do_everything_and_can_ask(release: Release) {
    let cluster = Cluster::api(release);
    cluster.says(&["auth", "can-i", "create", "pods"], "yes");
    cluster.says(&["auth", "can-i", "*", "*"], "yes");
    let all = cluster.ok(&["auth", "can-i", "--list"]);
    assert!(all.contains("*.*"), "{all}");
    let whoami = cluster.ok(&["auth", "whoami"]);
    assert!(whoami.starts_with("ATTRIBUTE") && whoami.contains("system:authenticated"), "{whoami}");
    let denied = cluster.kubectl(&["auth", "can-i", "get", "pods", "--as=system:serviceaccount:default:robot"]);
    assert_eq!((denied.code, denied.stdout.as_str()), (Some(1), "no\n"), "{denied:?}");
}

fn a_service_account_may_do_what_it_was_given(release: Release) {
    let cluster = Cluster::api(release);
    cluster.ok(&["create", "serviceaccount", "robot"]);
    cluster.ok(&["create", "role", "reader", "--verb=get,list", "--resource=configmaps"]);
    cluster.ok(&["create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:robot"]);
    let token = cluster.ok(&["create", "token", "robot"]);
    let name = cluster.ok(&["config", "view", "-o", "jsonpath={.clusters[0].name}"]);
    cluster.ok(&["config", "set-credentials", "robot", &format!("--token={}", token.trim())]);
    cluster.ok(&["config", "set-context", "robot", &format!("--cluster={name}"), "--user=robot"]);
    let robot = |arguments: &[&str]| cluster.kubectl(&[arguments, &["--context=robot"]].concat());
    assert_eq!(robot(&["get", "configmaps"]).code, Some(0));
    let whoami = robot(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]).ok().stdout;
    assert_eq!(whoami, "system:serviceaccount:default:robot");
    assert_eq!(robot(&["auth", "can-i", "list", "configmaps"]).ok().stdout, "yes\n");
    let denied = robot(&["get", "secrets"]);
    assert_eq!(denied.code, Some(1));
    let why = "Error from server (Forbidden): secrets is forbidden: User \"system:serviceaccount:default:robot\" \
               cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"";
    assert!(denied.stderr.contains(why), "{denied:?}");
    let list = robot(&["auth", "can-i", "--list"]).ok().stdout;
    assert!(list.contains("configmaps"), "{list}");
}

fn a_token_that_is_none_lets_nobody_in(release: Release) {
    let cluster = Cluster::api(release);
    let name = cluster.ok(&["config", "view", "-o", "jsonpath={.clusters[0].name}"]);
    cluster.ok(&["config", "set-credentials", "false", "--token=nonsense"]);
    cluster.ok(&["config", "set-context", "false", &format!("--cluster={name}"), "--user=false"]);
    let answer = cluster.kubectl(&["get", "pods", "--context=false"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stderr.contains("You must be logged in to the server"), "{answer:?}");
}
