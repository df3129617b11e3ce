//! Attaching to the streams of a container's own program.

use reprise_cri::v1::ContainerState;
use reprise_streaming::{Outcome, TerminalSize};
use tokio::io::AsyncWriteExt;
use tonic::Code;

use crate::case::cases;
use crate::requests::With;
use crate::scene::{Scene, soon};
use crate::stream::{attach, attach_request, protocols, read_until};

cases![
    output_reaches_all_who_are_attached_and_the_log,
    input_reaches_the_program,
    with_stdin_once_the_input_ends_with_the_first_client,
    without_it_another_client_goes_on,
    a_container_may_have_a_terminal,
    what_does_not_run_can_not_be_attached_to,
];

async fn output_reaches_all_who_are_attached_and_the_log(scene: &Scene) {
    let folder = scene.folder("ctl");
    let pod = scene.pod().await;
    for (number, protocol) in protocols(scene).into_iter().enumerate() {
        let go = format!("/ctl/go-{number}");
        let steps = ["tick-until", &go, "tick", "print", "out", "eprint", "err", "exit", "6"];
        let config = scene.container(&format!("main-{number}"), &steps);
        let config = config.with(|config| config.mounts.push(crate::requests::mount(&folder, "/ctl")));
        let path = scene.log_path(&pod, &config);
        let id = scene.run(&pod, config).await;
        let mut clients = [attach(scene, protocol, &id, "oe").await, attach(scene, protocol, &id, "oe").await];
        for client in &mut clients {
            // An attach is no use to what was printed before it.
            read_until(client.stdout.as_mut().unwrap(), "tick\n").await;
        }
        std::fs::write(folder.join(format!("go-{number}")), "").unwrap();
        for client in &mut clients {
            let (mut stdout, mut stderr) = (client.stdout.take().unwrap(), client.stderr.take().unwrap());
            read_until(&mut stdout, "out\n").await;
            assert_eq!(read_until(&mut stderr, "err\n").await, "err\n");
            assert_eq!(soon(client.outcome()).await.unwrap(), Outcome::Exited(0), "{protocol:?}");
        }
        assert_eq!(scene.exit(&id).await.exit_code, 6);
        assert!(scene.logged(&path, "out").await.ends_with("tick\nout\n"));
    }
}

async fn input_reaches_the_program(scene: &Scene) {
    let pod = scene.pod().await;
    for (number, protocol) in protocols(scene).into_iter().enumerate() {
        let config = scene.container(&format!("main-{number}"), &["read-lines"]).with(|config| config.stdin = true);
        let id = scene.run(&pod, config).await;
        let mut client = attach(scene, protocol, &id, "io").await;
        client.stdin.as_mut().unwrap().write_all(b"hello\n").await.unwrap();
        read_until(client.stdout.as_mut().unwrap(), "got hello\n").await;
        assert_eq!(scene.status(&id).await.state(), ContainerState::ContainerRunning, "its input has not ended");
    }
}

async fn with_stdin_once_the_input_ends_with_the_first_client(scene: &Scene) {
    let pod = scene.pod().await;
    for (number, protocol) in protocols(scene).into_iter().enumerate() {
        let config = scene.container(&format!("main-{number}"), &["read-lines", "exit", "3"]).with(|config| {
            config.stdin = true;
            config.stdin_once = true;
        });
        let path = scene.log_path(&pod, &config);
        let id = scene.run(&pod, config).await;
        let mut client = attach(scene, protocol, &id, "io").await;
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(b"only line\n").await.unwrap();
        stdin.shutdown().await.unwrap();
        assert_eq!(scene.exit(&id).await.exit_code, 3, "{protocol:?}");
        assert_eq!(scene.logged(&path, "end of input").await, "got only line\nend of input\n");
    }
}

async fn without_it_another_client_goes_on(scene: &Scene) {
    let pod = scene.pod().await;
    for (number, protocol) in protocols(scene).into_iter().enumerate() {
        let config = scene.container(&format!("main-{number}"), &["read-lines"]).with(|config| config.stdin = true);
        let id = scene.run(&pod, config).await;
        for line in ["first", "second"] {
            let mut client = attach(scene, protocol, &id, "io").await;
            client.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
            read_until(client.stdout.as_mut().unwrap(), &format!("got {line}\n")).await;
        }
    }
}

async fn a_container_may_have_a_terminal(scene: &Scene) {
    let pod = scene.pod().await;
    for (number, protocol) in protocols(scene).into_iter().enumerate() {
        let steps = ["wait-terminal", "90x30", "terminal", "read-lines"];
        let config = scene.container(&format!("main-{number}"), &steps).with(|config| {
            config.stdin = true;
            config.tty = true;
        });
        let id = scene.run(&pod, config).await;
        let mut client = attach(scene, protocol, &id, "iot").await;
        client.resize(TerminalSize { width: 90, height: 30 }).await.unwrap();
        let mut stdout = client.stdout.take().unwrap();
        read_until(&mut stdout, "terminal 90x30\r\n").await;
        client.stdin.as_mut().unwrap().write_all(b"typed\n").await.unwrap();
        let seen = read_until(&mut stdout, "got typed\r\n").await;
        assert!(seen.starts_with("typed\r\n"), "a terminal echoes: {seen:?}");
    }
}

async fn what_does_not_run_can_not_be_attached_to(scene: &Scene) {
    let pod = scene.pod().await;
    let ended = scene.run_to_end(&pod, scene.container("ended", &["exit", "0"])).await.id;
    for id in [ended.as_str(), "0123456789abcdef"] {
        assert!(scene.runtime().attach(attach_request(id, "o")).await.is_err(), "{id}");
    }
    let running = scene.run(&pod, scene.container("running", &["forever"])).await;
    for letters in ["", "oet"] {
        let error = scene.runtime().attach(attach_request(&running, letters)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{letters}: {error}");
    }
}
