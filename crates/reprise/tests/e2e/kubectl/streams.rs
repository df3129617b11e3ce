//! `exec`, `attach`, `port-forward`, `run -it` and `debug`, with and without a terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use reprise_testkit::image::BUSYBOX_IMAGE;

use super::cluster::{Cluster, Release};
use super::pods::{SLEEP, run};
use crate::terminal::OnTerminal;

super::with_each_kubectl!(
    a_command_is_run_in_a_container,
    a_shell_is_run_on_a_terminal,
    a_container_is_attached_to,
    ports_are_forwarded,
    a_pod_is_run_on_the_terminal_and_removed,
    a_pod_is_debugged_from_inside,
);

fn a_command_is_run_in_a_container(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", SLEEP);
    cluster.says(&["exec", "p", "--", "echo", "hello"], "hello");
    let both = cluster.kubectl(&["exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((both.code, both.stdout.as_str()), (Some(7), "out\n"));
    assert_eq!(both.stderr, "err\ncommand terminated with exit code 7\n");
    let mut child = cluster
        .command(&["exec", "-i", "p", "--", "sh", "-c", "cat; echo end"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"input\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"input\nend\n"[..]));
    cluster.fails(&["exec", "p", "-c", "x", "--", "true"], "container x is not valid for pod p");
    cluster.fails(&["exec", "nope", "--", "true"], "pods \"nope\" not found");
    let missing = cluster.kubectl(&["exec", "p", "--", "/nope"]);
    assert_ne!(missing.code, Some(0), "{missing:?}");
    cluster.ok(&["delete", "pod", "p", "--now"]);
}

fn a_shell_is_run_on_a_terminal(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", SLEEP);
    let mut terminal = OnTerminal::start(cluster.command(&["exec", "-it", "p", "--", "sh"]), (93, 41));
    terminal.send("stty size; tty; exit 3\n");
    terminal.wait_for("41 93\r\n/dev/pts/0\r\n");
    terminal.wait_for("command terminated with exit code 3");
    assert_eq!(terminal.end(), Some(3));
    cluster.ok(&["delete", "pod", "p", "--now"]);
}

fn a_container_is_attached_to(release: Release) {
    let cluster = Cluster::with_node(release);
    let pod = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{restartPolicy: Never, containers: \
         [{{name: main, image: '{BUSYBOX_IMAGE}', stdin: true, tty: true, command: [sh]}}]}}}}"
    );
    cluster.ok(&["apply", "-f", &cluster.file(&pod)]);
    cluster.ok(&["wait", "--for=condition=Ready", "pod/p", "--timeout=60s"]);
    let mut terminal = OnTerminal::start(cluster.command(&["attach", "-it", "p"]), (93, 41));
    terminal.send("echo it is $((40+2))\n");
    terminal.wait_for("it is 42\r\n");
    terminal.send("exit 0\n");
    assert_eq!(terminal.end(), Some(0));
    cluster.ok(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/p", "--timeout=60s"]);
    assert!(cluster.ok(&["logs", "p"]).contains("it is 42"));
}

fn ports_are_forwarded(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", "mkdir /tmp/w; echo page > /tmp/w/index.html; httpd -f -p 8080 -h /tmp/w");
    let mut child = cluster.command(&["port-forward", "pod/p", ":8080"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let port: u16 = line.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    // One connection after the other, and two at once, over the same tunnel.
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").unwrap();
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(answer(ask()).ends_with("page\n"));
    let (first, second) = (ask(), ask());
    assert!(answer(second).ends_with("page\n") && answer(first).ends_with("page\n"));
    child.kill().unwrap();
    child.wait().unwrap();
    cluster.ok(&["delete", "pod", "p", "--now"]);
}

fn a_pod_is_run_on_the_terminal_and_removed(release: Release) {
    let cluster = Cluster::with_node(release);
    let arguments = ["run", "p", "--rm", "-it", "--restart=Never", "--image", BUSYBOX_IMAGE, "--", "sh"];
    let mut terminal = OnTerminal::start(cluster.command(&arguments), (93, 41));
    // The prompt comes, or a key brings it if nobody listened yet.
    terminal.wait_for("# ");
    terminal.send("\necho it is $((40+2))\n");
    terminal.wait_for("it is 42\r\n");
    terminal.send("exit\n");
    terminal.wait_for("pod \"p\" deleted");
    assert_eq!(terminal.end(), Some(0));
    cluster.fails(&["get", "pod", "p"], "not found");
    let failing =
        ["run", "q", "--rm", "-i", "--restart=Never", "--image", BUSYBOX_IMAGE, "--", "sh", "-c", "echo out; exit 5"];
    let failed = cluster.kubectl(&failing);
    assert_eq!(failed.code, Some(5), "{failed:?}");
    assert!(failed.stdout.contains("out\n"), "{failed:?}");
}

fn a_pod_is_debugged_from_inside(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", SLEEP);
    let arguments =
        ["debug", "p", "-it", "--image", BUSYBOX_IMAGE, "--target=p", "--profile=general", "-c", "looking", "--", "sh"];
    let mut terminal = OnTerminal::start(cluster.command(&arguments), (93, 41));
    terminal.wait_for("# ");
    terminal.send("\nps | grep -c 'trap exi[t]'; exit\n");
    terminal.wait_for("1\r\n");
    assert_eq!(terminal.end(), Some(0));
    assert_eq!(cluster.field("pod/p", ".spec.ephemeralContainers[0].name"), "looking");
    assert_eq!(cluster.field("pod/p", ".status.ephemeralContainerStatuses[0].state.terminated.exitCode"), "0");
    cluster.ok(&["delete", "pod", "p", "--now"]);
}
