//! Commands run to their end.

use std::time::{Duration, Instant};

use reprise_cri::v1::*;
use tonic::Code;

use crate::case::cases;
use crate::requests::{ContainerParts, With, strings};
use crate::scene::Scene;

cases![
    output_and_exit_code_come_back,
    a_command_runs_as_the_containers_user_and_where_it_works,
    a_command_that_takes_too_long_is_ended,
    a_command_that_is_not_there_is_an_error,
    what_does_not_run_can_not_be_asked,
    a_request_without_a_command_is_refused,
    much_output_comes_back_whole,
    many_commands_run_at_once,
];

async fn output_and_exit_code_come_back(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let answer = scene.try_exec(&id, &["/testload", "print", "out", "eprint", "err", "exit", "3"]).await.unwrap();
    assert_eq!((answer.stdout, answer.stderr, answer.exit_code), (b"out\n".into(), b"err\n".into(), 3));
    let answer = scene.try_exec(&id, &["/testload", "print-raw", "00ff0a80"]).await.unwrap();
    assert_eq!((answer.stdout, answer.exit_code), (vec![0, 0xff, 0x0a, 0x80], 0));
}

async fn a_command_runs_as_the_containers_user_and_where_it_works(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| {
        config.working_dir = "/tmp".into();
        config.envs.push(KeyValue { key: "OWN".into(), value: "value".into() });
        config.security().run_as_user = Some(Int64Value { value: 1000 });
        config.security().no_new_privs = true;
    });
    let id = scene.run(&pod, config).await;
    let steps = ["id", "cwd", "env", "OWN", "env", "FROM_IMAGE", "nnp", "caps"];
    let (inside, outside) = (scene.exec(&id, &steps).await, scene.report_of(&pod, &["caps"]).await);
    let expected = "uid=1000 gid=1000 groups=1000,2000\n/tmp\nOWN=value\nFROM_IMAGE=yes\nNoNewPrivs 1\n";
    assert!(inside.starts_with(expected), "{inside}");
    assert!(inside.contains("CapEff 0000000000000000"), "{inside}");
    let bounding = |text: &str| text.lines().find(|line| line.starts_with("CapBnd")).map(str::to_owned);
    assert_eq!(bounding(&inside), bounding(&outside), "an exec can do no more than a container");
    let namespaces = scene.exec(&id, &["namespaces", "cgroup"]).await;
    let again = scene.exec(&id, &["namespaces", "cgroup"]).await;
    assert_eq!(namespaces, again);
}

async fn a_command_that_takes_too_long_is_ended(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let request = ExecSyncRequest {
        container_id: id.clone(),
        cmd: strings(&["/testload", "ignore-term", "forever"]),
        timeout: 1,
    };
    let start = Instant::now();
    let error = scene.runtime().exec_sync(request).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let processes = scene.exec(&id, &["processes"]).await;
    assert_eq!(processes.lines().count(), 2, "the program, and who asks: {processes}");
}

async fn a_command_that_is_not_there_is_an_error(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let error = scene.try_exec(&id, &["/no/such/program"]).await.unwrap_err();
    assert!(error.message().contains("/no/such/program"), "{error}");
    assert_eq!(scene.exec(&id, &["print", "still there"]).await, "still there\n");
}

async fn what_does_not_run_can_not_be_asked(scene: &Scene) {
    let pod = scene.pod().await;
    let created = scene.create(&pod, scene.container("created", &["forever"])).await;
    let ended = scene.run_to_end(&pod, scene.container("ended", &["exit", "0"])).await.id;
    for id in [created, ended] {
        let error = scene.try_exec(&id, &["/testload"]).await.unwrap_err();
        let expected = if scene.differs("exec::not-running") { Code::Unknown } else { Code::FailedPrecondition };
        assert_eq!(error.code(), expected, "{error}");
    }
    let error = scene.try_exec("0123456789abcdef", &["/testload"]).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

async fn a_request_without_a_command_is_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let error = scene.try_exec(&id, &[]).await.unwrap_err();
    let expected = if scene.differs("exec::no-command") { Code::Unknown } else { Code::InvalidArgument };
    assert_eq!(error.code(), expected, "{error}");
}

async fn much_output_comes_back_whole(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let answer = scene.try_exec(&id, &["/testload", "print-lines", "200000", "line"]).await.unwrap();
    let text = String::from_utf8(answer.stdout).unwrap();
    let last = text.lines().last().unwrap();
    assert_eq!((text.lines().count(), last), (200_000, "line 200000"));
}

async fn many_commands_run_at_once(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let texts: Vec<String> = (0..20).map(|number| format!("number {number}")).collect();
    let runs = texts.iter().map(|text| async { scene.exec(&id, &["print", text]).await });
    let printed = futures::future::join_all(runs).await;
    let expected: Vec<String> = texts.iter().map(|text| format!("{text}\n")).collect();
    assert_eq!(printed, expected);
}
