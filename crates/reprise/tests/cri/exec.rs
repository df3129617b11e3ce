//! Commands whose streams a client holds.

use reprise_streaming::{Outcome, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;

use crate::case::cases;
use crate::scene::{Scene, soon};
use crate::stream::{Ended, converse, exec, exec_request, protocols, read_until};

cases![
    both_outputs_and_the_exit_code_reach_the_client,
    input_reaches_the_command_until_its_end,
    a_terminal_has_one_output_and_the_clients_size,
    much_data_passes_both_ways_at_once_without_loss,
    a_command_whose_client_leaves_is_ended,
    what_can_not_be_run_is_said,
    streams_that_do_not_go_together_are_refused,
    an_address_serves_once,
];

async fn both_outputs_and_the_exit_code_reach_the_client(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    for protocol in protocols(scene) {
        let command = ["/testload", "print", "out", "eprint", "err", "exit", "7"];
        let ended = converse(exec(scene, protocol, &id, &command, "oe").await, "").await;
        let expected = Ended { stdout: "out\n".into(), stderr: "err\n".into(), outcome: Outcome::Exited(7) };
        assert_eq!(ended, expected, "{protocol:?}");
        let ended = converse(exec(scene, protocol, &id, &["/testload"], "o").await, "").await;
        assert_eq!(ended.outcome, Outcome::Exited(0));
    }
}

async fn input_reaches_the_command_until_its_end(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    for protocol in protocols(scene) {
        let client = exec(scene, protocol, &id, &["/testload", "read-lines", "exit", "5"], "ioe").await;
        let ended = converse(client, "one\ntwo\n").await;
        assert_eq!(ended.stdout, "got one\ngot two\nend of input\n", "{protocol:?}");
        assert_eq!(ended.outcome, Outcome::Exited(5));
    }
}

async fn a_terminal_has_one_output_and_the_clients_size(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    for protocol in protocols(scene) {
        let command = ["/testload", "wait-terminal", "101x33", "eprint", "first", "wait-terminal", "50x20", "terminal"];
        let mut client = exec(scene, protocol, &id, &command, "iot").await;
        client.resize(TerminalSize { width: 101, height: 33 }).await.unwrap();
        let mut stdout = client.stdout.take().unwrap();
        let first = read_until(&mut stdout, "first").await;
        assert!(first.contains("first"), "stderr is the terminal too: {first}");
        client.resize(TerminalSize { width: 50, height: 20 }).await.unwrap();
        read_until(&mut stdout, "terminal 50x20").await;
        assert_eq!(soon(client.outcome()).await.unwrap(), Outcome::Exited(0), "{protocol:?}");
    }
    let answer = scene.exec(&id, &["terminal"]).await;
    assert_eq!(answer, "no terminal\n", "others have none");
}

const LARGE: usize = 8 * 1024 * 1024;

async fn much_data_passes_both_ways_at_once_without_loss(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let sent: Vec<u8> = (0..LARGE).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for protocol in protocols(scene) {
        let mut client = exec(scene, protocol, &id, &["/testload", "copy-input"], "io").await;
        let (mut stdin, mut stdout) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
        let send = async {
            stdin.write_all(&sent).await.unwrap();
            stdin.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let all = async { tokio::join!(send, stdout.read_to_end(&mut received), client.outcome()) };
        let (_, _, outcome) = soon(all).await;
        assert_eq!(outcome.unwrap(), Outcome::Exited(0));
        assert!(received == sent, "{protocol:?}: {} of {LARGE} bytes came back as they were", received.len());
    }
}

async fn a_command_whose_client_leaves_is_ended(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    for protocol in protocols(scene) {
        let mut client = exec(scene, protocol, &id, &["/testload", "print", "up", "forever"], "o").await;
        read_until(client.stdout.as_mut().unwrap(), "up").await;
        drop(client);
        if scene.differs("exec::client-left") {
            continue;
        }
        let alone = async || (scene.exec(&id, &["processes"]).await.lines().count() == 2).then_some(());
        crate::scene::eventually("the command is gone", alone).await;
    }
}

async fn what_can_not_be_run_is_said(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let created = scene.create(&pod, scene.container("created", &["forever"])).await;
    for id in [created.as_str(), "0123456789abcdef"] {
        assert!(scene.runtime().exec(exec_request(id, &["/testload"], "o")).await.is_err(), "{id}");
    }
    if scene.differs("exec::abrupt-end") {
        return;
    }
    for protocol in protocols(scene) {
        let ended = converse(exec(scene, protocol, &id, &["/no/such/program"], "oe").await, "").await;
        let Outcome::Failed(reason) = ended.outcome else { panic!("{ended:?}") };
        assert!(reason.contains("/no/such/program"), "{reason}");
    }
}

async fn streams_that_do_not_go_together_are_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    for letters in ["", "ioet"] {
        let error = scene.runtime().exec(exec_request(&id, &["/testload"], letters)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{letters}: {error}");
    }
    assert!(scene.runtime().exec(exec_request(&id, &[], "o")).await.is_err() || scene.differs("exec::no-command-url"));
}

async fn an_address_serves_once(scene: &Scene) {
    use reprise_streaming::client::CommandProtocol::Spdy;
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let request = exec_request(&id, &["/testload", "print", "once"], "o");
    let url = scene.runtime().exec(request).await.unwrap().into_inner().url;
    let ended = converse(crate::stream::connect(&url, Spdy, "o").await, "").await;
    assert_eq!(ended.stdout, "once\n");
    let again = crate::stream::try_connect(&url, Spdy, "o").await;
    assert!(again.is_err(), "the address was taken a second time");
}
