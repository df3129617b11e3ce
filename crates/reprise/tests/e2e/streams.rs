//! `exec` and `attach` with input, terminals and large transfers, and what containers with a terminal log.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, ChildStdout, Stdio};

use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use serde_json::json;

use crate::scene::{LIMIT, eventually};
use crate::terminal::OnTerminal;

fn shell(name: &str, script: &str) -> Container {
    Container::of_image(name, BUSYBOX_IMAGE).field("command", json!(["/bin/sh", "-c", script]))
}

fn interactive(name: &str, command: &[&str]) -> Container {
    let container = Container::of_image(name, BUSYBOX_IMAGE);
    container.field("command", json!(command)).field("stdin", json!(true)).field("tty", json!(true))
}

fn ready(node: &Node, pod: Pod) -> Run {
    node.import(&TestImage::busybox().unwrap());
    let mut run = node.run(&[pod.build()]).arg("--keep").start();
    run.wait_for("the Pod is ready", LIMIT, |e| e.is("PodReady"));
    run
}

/// `reprise` with these arguments, its input and output in the test's hands.
fn connected(node: &Node, arguments: &[&str]) -> Child {
    let mut command = node.command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn read_until(output: &mut ChildStdout, end: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end.as_bytes()) && output.read(&mut byte).unwrap() == 1 {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn input_and_its_end_reach_a_program_and_its_exit_code_comes_back() {
    let node = Node::new();
    let run = ready(&node, Pod::new("p").container(shell("main", "sleep 1000")));
    let script = "read line; echo got $line; echo problem >&2; cat; echo end; exit 3";
    let mut exec = connected(&node, &["exec", "-i", "p", "--", "/bin/sh", "-c", script]);
    let mut stdin = exec.stdin.take().unwrap();
    let mut stdout = exec.stdout.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    assert_eq!(read_until(&mut stdout, "\n"), "got one\n", "output comes while the program runs");
    stdin.write_all(b"two\n").unwrap();
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), exec.wait().unwrap().code()), ("two\nend\n", Some(3)));
    drop(run);
}

#[test]
fn sixty_four_mebibytes_go_through_a_program_unchanged() {
    const BYTES: usize = 64 * 1024 * 1024;
    let node = Node::new();
    let run = ready(&node, Pod::new("p").container(shell("main", "sleep 1000")));
    let block: Vec<u8> = (0..1024 * 1024 + 7).map(|i: usize| (i.wrapping_mul(i) >> 5) as u8).collect();
    let stream = || block.iter().copied().cycle().take(BYTES);
    let mut exec = connected(&node, &["exec", "-i", "p", "--", "cat"]);
    let mut stdin = exec.stdin.take().unwrap();
    let bytes: Vec<u8> = stream().collect();
    let writing = std::thread::spawn(move || stdin.write_all(&bytes));
    let mut back = Vec::new();
    exec.stdout.take().unwrap().read_to_end(&mut back).unwrap();
    writing.join().unwrap().unwrap();
    assert_eq!(back.len(), BYTES);
    assert!(back.into_iter().eq(stream()), "what came back is not what was sent");
    assert_eq!(exec.wait().unwrap().code(), Some(0));
    drop(run);
}

#[test]
fn a_program_on_a_terminal_has_its_size_its_keys_and_its_owner() {
    let node = Node::new();
    let user = json!({"runAsUser": 1234, "runAsGroup": 1234});
    let run = ready(&node, Pod::new("p").container(shell("main", "sleep 1000").field("securityContext", user)));
    let mut command = node.command();
    // Waits for each new size, and for the key that ends it.
    let script = "trap 'echo interrupted; exit 7' INT; trap 'echo size $(stty size)' WINCH; \
                  echo on $(tty) $TERM $(stat -c %u $(tty)); while :; do read -t 1 x; done";
    command.args(["exec", "-it", "p", "--", "/bin/sh", "-c", script]);
    let mut terminal = OnTerminal::start(command, (93, 41));
    terminal.wait_for("on /dev/pts/0 xterm 1234\r\n");
    terminal.resize(120, 50);
    terminal.wait_for("size 50 120\r\n");
    terminal.send("\x03");
    terminal.wait_for("interrupted\r\n");
    assert_eq!(terminal.end(), Some(7));
    drop(run);
}

fn attached(node: &Node) -> OnTerminal {
    let mut command = node.command();
    command.args(["attach", "-it", "p"]);
    OnTerminal::start(command, (93, 41))
}

#[test]
fn a_container_s_terminal_is_attached_to_again_and_again_and_logged() {
    let node = Node::new();
    let run = ready(&node, Pod::new("p").container(interactive("main", &["sh"])));
    let mut first = attached(&node);
    first.send("echo on $(tty) $TERM; stty size; ls /dev/console; A=1\n");
    first.wait_for("on /dev/pts/0 xterm\r\n41 93\r\n/dev/console\r\n");
    let mut second = attached(&node);
    second.send("echo A is $A\n");
    second.wait_for("A is 1\r\n");
    first.wait_for("A is 1\r\n");
    // The client goes, the container stays; so with the agent.
    first.child.kill().unwrap();
    first.end();
    let killed = run.kill();
    assert_ne!(second.end(), Some(0), "the agent is gone, not the container: {killed:?}");
    // An agent that is killed at once may not have written yet that the container runs; then the next one has to see.
    eventually("the next agent has seen it", || (node.exec("p", "main", &["true"]).code == Some(0)).then_some(()));
    let mut again = attached(&node);
    again.send("echo A is still $A\n");
    again.wait_for("A is still 1\r\n");
    again.send("exit 4\n");
    assert_eq!(again.end(), Some(0), "the container's end is the end of an attach");
    let log = node.logs("p", "main", false);
    assert!(log.contains("on /dev/pts/0 xterm\r\n41 93\r\n") && log.contains("A is still 1\r\n"), "{log:?}");
}

#[test]
fn a_container_with_a_terminal_is_restarted_in_place_and_attached_to_again() {
    let node = Node::new();
    let mut run = ready(&node, Pod::new("p").policy("Always").container(interactive("main", &["sh"])));
    // The second time with containers that were made ahead.
    for epoch in 1..=2 {
        let _ = node.verb(&["restart", "p"]).ok();
        run.wait_for("Ready again", LIMIT, |e| e.is("PodReady") && e.epoch == epoch);
        let mut client = attached(&node);
        client.send("echo on $(tty), $((20 + 3 * 7))\n");
        client.wait_for("on /dev/pts/0, 41\r\n");
        client.child.kill().unwrap();
        client.end();
    }
    drop(run);
}

#[test]
fn attached_input_is_kept_open_or_ends_with_the_first_client() {
    let node = Node::new();
    let input = |name: &str| Container::of_image(name, BUSYBOX_IMAGE).field("stdin", json!(true));
    let open = input("open").field("command", json!(["cat"]));
    let once = input("once").field("command", json!(["sh", "-c", "cat; echo end"])).field("stdinOnce", json!(true));
    let run = ready(&node, Pod::new("p").container(open).container(once));
    for text in ["first\n", "second\n"] {
        let mut client = connected(&node, &["attach", "-i", "p", "-c", "open"]);
        client.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert_eq!(read_until(client.stdout.as_mut().unwrap(), "\n"), text);
        client.kill().unwrap();
        client.wait().unwrap();
    }
    let mut client = connected(&node, &["attach", "-i", "p", "-c", "once"]);
    client.stdin.take().unwrap().write_all(b"all\n").unwrap();
    let mut output = String::new();
    client.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!((output.as_str(), client.wait().unwrap().code()), ("all\nend\n", Some(0)));
    assert_eq!(node.logs("p", "open", false), "first\nsecond\n");
    assert_eq!(node.logs("p", "once", false), "all\nend\n");
    drop(run);
}

#[test]
fn a_program_ends_with_its_client_and_takes_its_children_with_it() {
    let node = Node::new();
    let run = ready(&node, Pod::new("p").container(shell("main", "sleep 1000")));
    let programs = || {
        let listed = node.exec("p", "main", &["ps"]).ok().stdout;
        listed.lines().filter(|line| line.contains("sleep 70")).count()
    };
    let script = "sleep 701 & setsid sleep 702 & (sleep 703 &); echo started; sleep 704";
    let mut exec = connected(&node, &["exec", "p", "--", "/bin/sh", "-c", script]);
    assert_eq!(read_until(exec.stdout.as_mut().unwrap(), "\n"), "started\n");
    assert!(programs() >= 4, "not all run");
    exec.kill().unwrap();
    exec.wait().unwrap();
    eventually("all have ended", || (programs() == 0).then_some(()));
    drop(run);
}

#[test]
fn a_program_is_what_its_container_s_own_is() {
    let node = Node::new();
    let what = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' /proc/self/status; umask; pwd; env | sort | grep -v -E \
                'SHLVL|PWD'; cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj; \
                for n in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done; ls /proc/self/fd | wc -l";
    let context = json!({"runAsUser": 1234, "runAsGroup": 2345, "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    let main = shell("main", &format!("{what}; echo .; sleep 1000"))
        .field("securityContext", context)
        .field("workingDir", json!("/tmp"))
        .env("OWN", "variable");
    let pod = Pod::new("p").spec("securityContext", json!({"supplementalGroups": [77]})).container(main);
    let run = ready(&node, pod);
    let logged =
        eventually("it has told all", || Some(node.logs("p", "main", false)).filter(|log| log.ends_with(".\n")));
    let executed = node.exec("p", "main", &["/bin/sh", "-c", &format!("{what}; echo .")]).ok().stdout;
    assert_eq!(executed, logged);
    let null = std::fs::metadata("/dev/null").unwrap();
    assert_eq!((null.uid(), null.mode() & 0o777), (0, 0o666), "the host's /dev/null has changed hands");
    assert!(logged.contains("Groups:\t77 2345") && logged.contains("NoNewPrivs:\t1\nSeccomp:\t2"), "{logged}");
    drop(run);
}
