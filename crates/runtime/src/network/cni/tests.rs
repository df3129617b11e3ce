//! Chains of fake plugins: shell scripts that note how they were called.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::network::host_port::{HostPort, Protocol};

/// Notes the call, and answers ADD with what the test left for it.
const PLUGIN: &str = r#"#!/bin/sh
config=$(cat)
name=$(basename "$0")
here=$(dirname "$0")
echo "$CNI_COMMAND $name $CNI_CONTAINERID netns=$CNI_NETNS $CNI_IFNAME $CNI_ARGS $config" >> "$here/calls"
[ -f "$here/$name-$CNI_COMMAND.sh" ] && . "$here/$name-$CNI_COMMAND.sh"
exit 0
"#;
const ANSWER: &str = r#"{"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": "/x"}],
    "ips": [{"address": "10.9.0.2/24", "interface": 0}, {"address": "fd09::2/64", "interface": 0}], "of": "first"}"#;

struct Scene {
    folder: PathBuf,
    config: CniConfig,
    cni: Cni,
}

impl Scene {
    /// A network of the plugins `first` and `second`; the second can lead ports.
    fn new(name: &str, version: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("reprise-cni-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("conf")).unwrap();
        fs::write(folder.join("plugin"), PLUGIN).unwrap();
        for plugin in ["first", "second"] {
            // By a process of its own: one that this process has open for writing could not be run.
            let script = folder.join("plugin");
            let status = Command::new("install").args(["-m", "755"]).arg(script).arg(folder.join(plugin)).status();
            assert!(status.unwrap().success());
        }
        let network = json!({"name": "net", "cniVersion": version, "plugins": [
            {"type": "first", "own": "field"},
            {"type": "second", "capabilities": {"portMappings": true, "dns": false}},
        ]});
        fs::write(folder.join("conf/10.conflist"), network.to_string()).unwrap();
        let timeout = Duration::from_secs(20);
        let config = CniConfig { conf_dir: folder.join("conf"), bin_dirs: vec![folder.clone()], timeout };
        let scene = Self { cni: Cni::new(Some(config.clone()), folder.join("cache")), folder, config };
        scene.on("first", "ADD", &format!("echo '{ANSWER}'"));
        scene.on("second", "ADD", &format!("echo '{}'", ANSWER.replace("first", "second")));
        scene
    }

    fn on(&self, plugin: &str, command: &str, script: &str) {
        fs::write(self.folder.join(format!("{plugin}-{command}.sh")), script).unwrap();
    }

    async fn attach(&self, sandbox: &str, ports: &[u16]) -> Result<Vec<String>, String> {
        let port = |number: &u16| HostPort {
            protocol: Protocol::Udp,
            host_ip: Some([127, 0, 0, 1].into()),
            host_port: *number,
            container_port: 53,
        };
        let request = Request {
            sandbox: sandbox.to_owned(),
            namespace: "space".to_owned(),
            name: format!("pod-{sandbox}"),
            uid: "uid".to_owned(),
            ports: ports.iter().map(port).collect(),
            ..Request::default()
        };
        let pid = i32::try_from(std::process::id()).unwrap();
        let ips = self.cni.attach(&self.config, &request, pid).await.map_err(|e| crate::error::chain(&e))?;
        Ok(ips.iter().map(ToString::to_string).collect())
    }

    /// What each call was, and the JSON that came with it.
    fn calls(&self) -> Vec<(String, Value)> {
        let text = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        let call = |line: &str| {
            let (call, config) = line.split_at(line.find('{').unwrap());
            (call.trim().to_owned(), serde_json::from_str(config).unwrap())
        };
        text.lines().map(call).collect()
    }

    fn commands(&self) -> Vec<String> {
        let two = |(call, _): &(String, Value)| call.split(' ').take(2).collect::<Vec<_>>().join(" ");
        self.calls().iter().map(two).collect()
    }

    /// A runtime that was started since.
    fn restarted(&self) -> Cni {
        Cni::new(None, self.folder.join("cache"))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Some other test may still look into the temporary folder; nothing depends on this.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_chain_is_run_in_order_with_what_the_specification_demands() {
    let scene = Scene::new("chain", "1.0.0");
    assert_eq!(scene.attach("abc", &[5353]).await.unwrap(), ["10.9.0.2", "fd09::2"]);
    let calls = scene.calls();
    let netns = format!("/proc/{}/ns/net", std::process::id());
    let args =
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=space;K8S_POD_NAME=pod-abc;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=uid";
    assert_eq!(calls[0].0, format!("ADD first abc netns={netns} eth0 {args}"));
    assert_eq!(calls[0].1, json!({"type": "first", "own": "field", "name": "net", "cniVersion": "1.0.0"}));
    let ports = json!([{"hostPort": 5353, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"}]);
    assert!(calls[1].0.starts_with("ADD second abc"));
    assert_eq!(calls[1].1["runtimeConfig"], json!({"portMappings": ports}));
    assert_eq!((&calls[1].1["prevResult"]["of"], calls[1].1.get("capabilities")), (&json!("first"), None));
}

#[tokio::test]
async fn what_was_asked_is_undone_in_reverse_by_another_runtime_and_after_the_network_has_changed() {
    let scene = Scene::new("reverse", "1.0.0");
    scene.attach("abc", &[5353]).await.unwrap();
    fs::remove_file(scene.folder.join("conf/10.conflist")).unwrap();
    fs::remove_file(scene.folder.join("calls")).unwrap();
    let later = scene.restarted();
    assert_eq!(later.sandboxes().unwrap(), ["abc"]);
    assert!(later.made_link("abc").unwrap());
    later.check("abc").await.unwrap();
    later.detach("abc").await.unwrap();
    later.detach("abc").await.expect("nothing is left to do");
    assert_eq!(scene.commands(), ["CHECK first", "CHECK second", "DEL second", "DEL first"]);
    for (_, config) in scene.calls() {
        assert_eq!(config["prevResult"]["of"], "second");
    }
    assert!(later.sandboxes().unwrap().is_empty());
}

#[tokio::test]
async fn check_is_for_versions_and_networks_that_have_it() {
    for (version, disabled) in [("0.3.1", false), ("1.0.0", true)] {
        let scene = Scene::new(&format!("check-{disabled}"), version);
        let file = scene.folder.join("conf/10.conflist");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen('{', &format!("{{\"disableCheck\": {disabled},"), 1)).unwrap();
        scene.attach("abc", &[]).await.unwrap();
        scene.cni.check("abc").await.unwrap();
        assert_eq!(scene.commands(), ["ADD first", "ADD second"], "{version}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_plugins_words_and_what_was_made_is_undone() {
    let scene = Scene::new("refusal", "1.0.0");
    scene.on(
        "second",
        "ADD",
        r#"echo '{"cniVersion": "1.0.0", "code": 100, "msg": "no room", "details": "all 3 taken"}'; exit 1"#,
    );
    let error = scene.attach("abc", &[]).await.unwrap_err();
    assert_eq!(error, "the CNI plugin second refused ADD (code 100): no room (all 3 taken)");
    assert_eq!(scene.commands(), ["ADD first", "ADD second", "DEL second", "DEL first"]);
    assert!(scene.calls()[2].1.get("prevResult").is_none(), "there was no result yet");
    assert!(scene.cni.sandboxes().unwrap().is_empty());
}

#[tokio::test]
async fn what_could_not_be_undone_is_undone_later() {
    let scene = Scene::new("later", "1.0.0");
    scene.on("second", "ADD", "echo oops >&2; exit 3");
    scene.on("first", "DEL", "exit 1");
    let error = scene.attach("abc", &[]).await.unwrap_err();
    assert_eq!(error, "the CNI plugin second failed at ADD (exit status: 3): oops");
    assert_eq!(scene.restarted().sandboxes().unwrap(), ["abc"]);
    assert!(scene.restarted().detach("abc").await.unwrap_err().to_string().contains("first failed at DEL"));
    scene.on("first", "DEL", "exit 0");
    scene.restarted().detach("abc").await.unwrap();
    assert!(scene.restarted().sandboxes().unwrap().is_empty());
}

#[tokio::test]
async fn a_plugin_that_does_not_accept_the_configuration_keeps_nothing_from_being_undone() {
    let scene = Scene::new("version", "1.0.0");
    let refuse = r#"echo '{"code": 1, "msg": "incompatible CNI versions"}'; exit 1"#;
    scene.on("second", "ADD", refuse);
    scene.on("second", "DEL", refuse);
    let error = scene.attach("abc", &[]).await.unwrap_err();
    assert_eq!(error, "the CNI plugin second refused ADD (code 1): incompatible CNI versions");
    assert_eq!(scene.commands(), ["ADD first", "ADD second", "DEL second", "DEL first"]);
    assert!(scene.cni.sandboxes().unwrap().is_empty());
    scene.on("second", "ADD", &format!("echo '{ANSWER}'"));
    scene.attach("abc", &[]).await.unwrap();
    scene.cni.detach("abc").await.expect_err("what it has made is not forgotten");
}

#[tokio::test]
async fn a_plugin_that_hangs_is_killed_with_all_that_it_started() {
    let scene = Scene::new("hang", "1.0.0");
    scene.on("first", "ADD", "sleep 1000 & echo $! > \"$here/pid\"; wait");
    let config = CniConfig { timeout: Duration::from_millis(500), ..scene.config.clone() };
    let pid = i32::try_from(std::process::id()).unwrap();
    let request = Request { sandbox: "abc".to_owned(), ..Request::default() };
    let error = scene.cni.attach(&config, &request, pid).await.unwrap_err().to_string();
    assert_eq!(error, "the CNI plugin first was killed: its ADD took longer than 500ms");
    let child = fs::read_to_string(scene.folder.join("pid")).unwrap();
    let stat = PathBuf::from(format!("/proc/{}/stat", child.trim()));
    let gone = |stat: &Path| fs::read_to_string(stat).map_or(true, |text| text.contains(") Z "));
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !gone(&stat) {
        assert!(std::time::Instant::now() < end, "what the plugin started goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_are_refused_however_long_they_are() {
    let scene = Scene::new("nonsense", "1.0.0");
    for (script, problem) in [
        ("", "the CNI plugin first: ADD: its answer is no CNI result"),
        ("yes | head -c 3000000", "more than 1048576 bytes"),
        (r#"echo '{"cniVersion": "1.0.0", "ips": [{"address": "ten"}]}'"#, "\"ten\" as an address"),
        ("printf '\\033[31m\\n\\000' >&2; exit 9", "first failed at ADD (exit status: 9):  [31m"),
    ] {
        scene.on("first", "ADD", script);
        let error = scene.attach("abc", &[]).await.unwrap_err();
        assert!(error.contains(problem) && !error.contains('\n'), "{script}: {error}");
    }
    scene.on("second", "ADD", r#"echo '{"cniVersion": "1.0.0", "ips": []}'"#);
    scene.on("first", "ADD", &format!("echo '{ANSWER}'"));
    assert_eq!(scene.attach("abc", &[]).await.unwrap_err(), "the CNI network net gave the Pod no IP address");
}

#[tokio::test]
async fn a_port_of_the_host_is_refused_while_another_pod_has_it() {
    let scene = Scene::new("ports", "1.0.0");
    scene.attach("a", &[5353]).await.unwrap();
    let error = scene.attach("b", &[5353]).await.unwrap_err();
    let port = "UDP port 5353 of 127.0.0.1";
    assert_eq!(error, format!("{port} of the host is taken: Pod space/pod-a has {port}"));
    scene.cni.detach("a").await.unwrap();
    scene.attach("b", &[5353]).await.unwrap();
}

#[tokio::test]
async fn readiness_follows_the_configuration_without_a_restart() {
    let scene = Scene::new("ready", "1.1.0");
    scene.cni.ready(&scene.config).await.unwrap();
    assert_eq!(scene.commands(), ["STATUS first", "STATUS second"]);
    scene.on("second", "STATUS", r#"echo '{"code": 50, "msg": "the daemon is not up"}'; exit 1"#);
    let error = scene.cni.ready(&scene.config).await.unwrap_err().to_string();
    assert_eq!(error, "the CNI plugin second refused STATUS (code 50): the daemon is not up");
    fs::remove_file(scene.folder.join("second")).unwrap();
    let error = scene.cni.ready(&scene.config).await.unwrap_err().to_string();
    assert!(error.starts_with("the CNI plugin second is not in /"), "{error}");
    fs::remove_file(scene.folder.join("conf/10.conflist")).unwrap();
    let error = scene.cni.ready(&scene.config).await.unwrap_err().to_string();
    assert!(error.starts_with("no CNI network configuration"), "{error}");
}

#[test]
fn a_namespace_is_named_only_while_it_is_the_same_one() {
    let own = Namespace::of(i32::try_from(std::process::id()).unwrap()).unwrap();
    assert!(!own.path().is_empty());
    let mut other = serde_json::to_value(&own).unwrap();
    other["inode"] = json!(1);
    let other: Namespace = serde_json::from_value(other).unwrap();
    assert_eq!(other.path(), "", "another process has the number by now");
}
