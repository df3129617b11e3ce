//! The program: command, arguments, environment, working directory, and its process on the host.

use reprise_cri::v1::*;
use reprise_testkit::image::TestImage;
use serde_json::json;

use crate::case::cases;
use crate::requests::{ContainerParts, With, image, strings};
use crate::scene::{Pod, Scene, eventually};

cases![
    command_and_arguments_replace_those_of_the_image,
    variables_of_the_container_replace_those_of_the_image,
    the_working_directory_is_the_containers_or_the_images_and_made_if_missing,
    a_chosen_oom_score_reaches_the_process,
    a_program_without_a_path_is_looked_up,
];

/// The process id of a container's program, as the host sees it.
pub async fn host_pid(scene: &Scene, pod: &Pod, id: &str) -> i32 {
    let config = scene.status(id).await;
    let look = async || {
        let groups = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let mut pids = processes().into_iter().filter(|pid| groups(pid).contains(id));
        pids.next()
    };
    eventually(&format!("a process of {:?} in {}", config.metadata, pod.id), look).await
}

fn processes() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// Whether the process is there and not only waiting for its parent.
pub fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

async fn command_and_arguments_replace_those_of_the_image(scene: &Scene) {
    let name = "reprise.test/with-cmd:1";
    let with_cmd = TestImage::testload().unwrap().config("Cmd", json!(["print", "of the image"]));
    scene.import(&with_cmd, name).await;
    let pod = scene.pod().await;
    let config = |args: &[&str], own: &str| scene.container(own, args).with(|config| config.image = image(name));
    let output = async |config: ContainerConfig, text: &str| {
        let path = scene.log_path(&pod, &config);
        let status = scene.run_to_end(&pod, config).await;
        assert_eq!(status.exit_code, 0);
        scene.logged(&path, text).await
    };
    assert_eq!(output(config(&[], "image"), "of the image").await, "of the image\n");
    assert_eq!(output(config(&["print", "own"], "args"), "own").await, "own\n");
    let command = config(&["print", "both"], "command").with(|c| c.command = strings(&["/testload", "argv0"]));
    assert_eq!(output(command, "both").await, "/testload\nboth\n");
}

async fn variables_of_the_container_replace_those_of_the_image(scene: &Scene) {
    let pod = scene.pod().await;
    let steps = ["env", "FROM_IMAGE", "env", "OWN", "env", "EMPTY", "env", "HOSTNAME", "env", "NEVER_SET"];
    let report = scene.report(&pod, scene.container("image", &steps)).await;
    assert_eq!(report, "FROM_IMAGE=yes\nOWN unset\nEMPTY unset\nHOSTNAME=pod\nNEVER_SET unset\n");
    let variable = |key: &str, value: &str| KeyValue { key: key.into(), value: value.into() };
    let config = scene.container("own", &steps).with(|config| {
        config.envs = vec![variable("FROM_IMAGE", "no"), variable("OWN", "a=b c"), variable("EMPTY", "")];
    });
    let report = scene.report(&pod, config).await;
    assert_eq!(report, "FROM_IMAGE=no\nOWN=a=b c\nEMPTY=\nHOSTNAME=pod\nNEVER_SET unset\n");
}

async fn the_working_directory_is_the_containers_or_the_images_and_made_if_missing(scene: &Scene) {
    let name = "reprise.test/in-tmp:1";
    scene.import(&TestImage::testload().unwrap().config("WorkingDir", json!("/tmp")), name).await;
    let pod = scene.pod().await;
    let cwd = async |own: &str, working_dir: &str, of: Option<ImageSpec>| {
        let config = scene.container(own, &["cwd"]).with(|config| {
            config.working_dir = working_dir.to_owned();
            config.image = of.or(config.image.take());
        });
        scene.report(&pod, config).await
    };
    assert_eq!(cwd("none", "", None).await, "/\n");
    assert_eq!(cwd("image", "", image(name)).await, "/tmp\n");
    assert_eq!(cwd("own", "/etc", image(name)).await, "/etc\n");
    assert_eq!(cwd("missing", "/a/new/folder", None).await, "/a/new/folder\n");
}

async fn a_chosen_oom_score_reaches_the_process(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["cat", "/proc/self/oom_score_adj"]);
    let report = scene.report(&pod, config.with(|config| config.resources().oom_score_adj = 789)).await;
    assert_eq!(report, "789\n");
}

async fn a_program_without_a_path_is_looked_up(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["print", "found"]).with(|config| config.command = strings(&["testload"]));
    assert_eq!(scene.report(&pod, config).await, "found\n");
}
