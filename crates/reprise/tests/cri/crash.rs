//! The runtime, single shims and the whole machine go away at any time; what is told afterwards is right.

use std::path::Path;

use reprise_cri::v1::*;
use rustix::process::{Pid, Signal, kill_process};
use tonic::Code;

use crate::case::cases;
use crate::requests::{With, mount};
use crate::scene::{Pod, Scene, eventually};

cases![
    a_runtime_that_is_killed_and_started_again_knows_all,
    what_ends_while_the_runtime_is_away_has_its_code_and_its_log,
    a_stopped_sandbox_stays_stopped_over_a_restart,
    a_new_pod_gets_no_address_that_an_old_one_has,
    a_killed_shims_containers_are_reported_with_a_reason,
    a_shim_killed_while_the_runtime_is_away_is_noticed,
    after_a_reboot_there_are_no_ghosts,
    a_second_runtime_is_refused,
    listeners_of_a_killed_runtime_hear_its_end,
    calls_that_a_crash_cut_off_can_be_made_again,
    creations_that_the_shim_had_not_read_are_carried_out_once,
];

/// Ends the runtime as a crash does, and starts it again.
async fn crash(scene: &Scene, meanwhile: impl AsyncFnOnce()) {
    let server = scene.server().clone();
    tokio::task::spawn_blocking(move || server.kill()).await.unwrap();
    meanwhile().await;
    start(scene).await;
}

async fn start(scene: &Scene) {
    let server = scene.server().clone();
    tokio::task::spawn_blocking(move || server.start()).await.unwrap();
    let serves = async || scene.runtime().version(VersionRequest::default()).await.ok();
    eventually("the runtime serves again", serves).await;
}

async fn a_runtime_that_is_killed_and_started_again_knows_all(scene: &Scene) {
    let pod = scene.pod().await;
    let running = scene.run(&pod, scene.container("running", &["forever"])).await;
    let exited = scene.run_to_end(&pod, scene.container("exited", &["exit", "42"])).await.id;
    let created = scene.create(&pod, scene.container("created", &["print", "later", "exit", "3"])).await;
    let look = async || {
        let mut statuses = Vec::new();
        for id in [&running, &exited, &created] {
            statuses.push(scene.status(id).await);
        }
        (scene.pod_status(&pod.id).await, statuses)
    };
    let before = look().await;
    let host = crate::process::host_pid(scene, &pod, &running).await;
    crash(scene, async || {}).await;
    assert_eq!(look().await, before);
    assert!(crate::process::is_alive(host), "the program has not noticed");
    assert_eq!(scene.exec(&running, &["print", "still"]).await, "still\n");
    scene.start(&created).await;
    assert_eq!(scene.exit(&created).await.exit_code, 3);
}

async fn what_ends_while_the_runtime_is_away_has_its_code_and_its_log(scene: &Scene) {
    let folder = scene.folder("ctl");
    let pod = scene.pod().await;
    let steps = ["print", "before", "wait-file", "/ctl/go", "print", "after", "touch", "/ctl/done", "exit", "11"];
    let config = scene.container("main", &steps).with(|config| config.mounts.push(mount(&folder, "/ctl")));
    let path = scene.log_path(&pod, &config);
    let id = scene.run(&pod, config).await;
    scene.logged(&path, "before").await;
    let away = async || {
        std::fs::write(folder.join("go"), "").unwrap();
        eventually("the program is done", async || folder.join("done").exists().then_some(())).await;
    };
    crash(scene, away).await;
    let status = scene.exit(&id).await;
    assert_eq!((status.exit_code, status.reason.as_str()), (11, "Error"));
    assert_eq!(scene.logged(&path, "after").await, "before\nafter\n");
}

async fn a_stopped_sandbox_stays_stopped_over_a_restart(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["on-term", "0", "forever"])).await;
    scene.stop_pod(&pod.id).await.unwrap();
    let before = (scene.pod_status(&pod.id).await, scene.status(&id).await);
    crash(scene, async || {}).await;
    assert_eq!((scene.pod_status(&pod.id).await, scene.status(&id).await), before);
    assert!(scene.try_create(&pod, scene.container("late", &[])).await.is_err());
}

async fn a_new_pod_gets_no_address_that_an_old_one_has(scene: &Scene) {
    let old = scene.pod().await;
    let address = scene.address(&old).await;
    crash(scene, async || {}).await;
    assert_eq!(scene.address(&old).await, address);
    let new = scene.pod().await;
    assert_ne!(scene.address(&new).await, address);
}

async fn with_two_containers(scene: &Scene) -> (Pod, [String; 2], i32) {
    let pod = scene.pod().await;
    let ended = scene.run_to_end(&pod, scene.container("ended", &["exit", "5"])).await.id;
    let running = scene.run(&pod, scene.container("running", &["forever"])).await;
    let host = crate::process::host_pid(scene, &pod, &running).await;
    (pod, [ended, running], host)
}

/// What must be so when the shim of such a Pod is gone.
async fn is_reported_lost(scene: &Scene, pod: &Pod, [ended, running]: &[String; 2], host: i32) {
    let lost = scene.exit(running).await;
    assert_eq!((lost.exit_code, lost.reason.as_str()), (137, "ShimDied"));
    assert!(!lost.message.is_empty() && lost.finished_at >= lost.started_at, "{lost:?}");
    assert_eq!(scene.status(ended).await.exit_code, 5, "what had ended before has its own code");
    eventually("its program is gone", async || (!crate::process::is_alive(host)).then_some(())).await;
    let not_ready =
        async || (scene.pod_status(&pod.id).await.state() == PodSandboxState::SandboxNotready).then_some(());
    eventually("the sandbox is not ready", not_ready).await;
    let refused = scene.try_create(pod, scene.container("late", &[])).await.unwrap_err();
    assert!([Code::FailedPrecondition, Code::Unavailable].contains(&refused.code()), "{refused}");
    assert!(scene.try_exec(running, &["/testload"]).await.is_err());
    for id in [ended, running] {
        scene.stop(id, 1).await.unwrap();
        scene.remove(id).await.unwrap();
    }
    scene.stop_pod(&pod.id).await.unwrap();
    scene.remove_pod(&pod.id).await.unwrap();
}

async fn a_killed_shims_containers_are_reported_with_a_reason(scene: &Scene) {
    let (pod, ids, host) = with_two_containers(scene).await;
    let other = scene.pod().await;
    let unharmed = scene.run(&other, scene.container("other", &["forever"])).await;
    let mut events = scene.runtime().get_container_events(GetEventsRequest {}).await.unwrap().into_inner();
    let shims = scene.server().shims();
    let shim = shims.iter().find(|shim| shim.command.contains(&pod.id)).expect("its shim");
    shim.kill();
    loop {
        let event = crate::scene::soon(events.message()).await.unwrap().unwrap();
        if event.container_id == ids[1] {
            assert_eq!(event.container_event_type(), ContainerEventType::ContainerStoppedEvent);
            break;
        }
    }
    is_reported_lost(scene, &pod, &ids, host).await;
    assert_eq!(scene.status(&unharmed).await.state(), ContainerState::ContainerRunning);
}

async fn a_shim_killed_while_the_runtime_is_away_is_noticed(scene: &Scene) {
    let (pod, ids, host) = with_two_containers(scene).await;
    crash(scene, async || scene.server().shims().iter().for_each(|shim| shim.kill())).await;
    is_reported_lost(scene, &pod, &ids, host).await;
}

async fn after_a_reboot_there_are_no_ghosts(scene: &Scene) {
    let (pod, ids, host) = with_two_containers(scene).await;
    let empty = scene.pod().await;
    let server = scene.server().clone();
    tokio::task::spawn_blocking(move || server.lose_machine()).await.unwrap();
    start(scene).await;
    let list = scene.runtime().list_pod_sandbox(ListPodSandboxRequest { filter: None }).await.unwrap().into_inner();
    let mut known: Vec<_> = list.items.iter().map(|item| (item.id.as_str(), item.state())).collect();
    let mut expected = [&pod.id, &empty.id].map(|id| (id.as_str(), PodSandboxState::SandboxNotready));
    known.sort_unstable_by_key(|(id, _)| id.to_owned());
    expected.sort_unstable_by_key(|(id, _)| id.to_owned());
    assert_eq!(known, expected);
    is_reported_lost(scene, &pod, &ids, host).await;
    let new = scene.pod().await;
    let report = scene.report_of(&new, &["print", "runs"]).await;
    assert_eq!(report, "runs\n");
}

async fn a_second_runtime_is_refused(scene: &Scene) {
    let server = scene.server();
    let socket = scene.scratch().join("second.sock");
    let mut second = server.command();
    second.arg("cri").arg("--listen").arg(format!("unix://{}", socket.display()));
    let output = tokio::task::spawn_blocking(move || second.output().unwrap()).await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--data-dir") && said.contains(&server.data_dir().display().to_string()), "{said}");
    assert!(!socket.exists());
    scene.runtime().version(VersionRequest::default()).await.unwrap();
}

async fn listeners_of_a_killed_runtime_hear_its_end(scene: &Scene) {
    let mut events = scene.runtime().get_container_events(GetEventsRequest {}).await.unwrap().into_inner();
    crash(scene, async || {}).await;
    let ended = crate::scene::soon(events.message()).await;
    assert!(ended.is_err() || ended.is_ok_and(|event| event.is_none()), "the stream ends, so that they list again");
}

/// A client whose call got no answer makes it again: what the first one did is found, not done twice.
async fn calls_that_a_crash_cut_off_can_be_made_again(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.create(&pod, scene.container("main", &["on-term", "7", "print", "up", "forever"])).await;
    scene.start(&id).await;
    crash(scene, async || {}).await;
    assert_eq!(scene.try_start(&id).await.unwrap_err().code(), Code::FailedPrecondition);
    let twin = scene.try_create(&pod, scene.container("main", &[])).await.unwrap_err();
    assert_eq!(twin.code(), Code::AlreadyExists, "{twin}");
    scene.logged(&Path::new(&pod.config.log_directory).join("main_0.log"), "up").await;
    scene.stop(&id, 60).await.unwrap();
    crash(scene, async || {}).await;
    scene.stop(&id, 60).await.unwrap();
    assert_eq!(scene.status(&id).await.exit_code, 7);
    for _ in 0..2 {
        scene.remove(&id).await.unwrap();
        crash(scene, async || {}).await;
    }
    for _ in 0..2 {
        scene.remove_pod(&pod.id).await.unwrap();
        crash(scene, async || {}).await;
    }
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// How many connections wait for the process to accept them.
fn waiting_at(pid: i32) -> u32 {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let links = fds
        .filter_map(|fd| std::fs::read_link(fd.path()).ok())
        .filter_map(|link| link.into_os_string().into_string().ok());
    let inodes: Vec<String> =
        links.filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    // Its socket belongs to its network namespace.
    let mut command = std::process::Command::new("nsenter");
    command.arg(format!("--net=/proc/{pid}/ns/net")).args(["ss", "--unix", "--listening", "--no-header"]);
    let listening = command.output().unwrap();
    let listening = String::from_utf8(listening.stdout).unwrap();
    // Type, state, how many wait, how many may, address, inode, ...
    let rows = listening.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own = rows.filter(|row| row.get(5).is_some_and(|inode| inodes.iter().any(|own| own == inode)));
    own.map(|row| row[2].parse::<u32>().unwrap()).sum()
}

/// The shim finds the requests of the runtime that died and the connection of the next one at the same time.
async fn creations_that_the_shim_had_not_read_are_carried_out_once(scene: &Scene) {
    let pod = scene.pod().await;
    let shims = scene.server().shims();
    let shim = shims.iter().find(|shim| shim.command.contains(&pod.id)).expect("its shim");
    signal(shim.pid, Signal::STOP);
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        ids.push(scene.create(&pod, scene.container(name, &["print", "once", "exit", "3"])).await);
    }
    let server = scene.server().clone();
    tokio::task::spawn_blocking(move || server.kill()).await.unwrap();
    let server = scene.server().clone();
    let starting = tokio::task::spawn_blocking(move || server.start());
    eventually("the next runtime has connected", async || (waiting_at(shim.pid) > 0).then_some(())).await;
    signal(shim.pid, Signal::CONT);
    starting.await.unwrap();
    let serves = async || scene.runtime().version(VersionRequest::default()).await.ok();
    eventually("the runtime serves again", serves).await;
    for id in &ids {
        scene.start(id).await;
        let exit = scene.exit(id).await;
        assert_eq!(exit.exit_code, 3, "{exit:?}");
    }
}
