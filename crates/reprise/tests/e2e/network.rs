//! Pods' addresses and the ports of the host that lead to them, on the runtime's own bridge.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use reprise_testkit::Node;
use reprise_testkit::manifest::{Container, Pod};
use serde_json::{Value, json};

use crate::scene::{LIMIT, Scene, eventually};

/// How long an answer may take before a port counts as closed.
const ANSWER: Duration = Duration::from_secs(5);

fn ask_tcp(ip: IpAddr, port: u16) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(ip, port), ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// From one socket throughout: packet filters remember where a sender's packets went.
fn ask_udp(socket: &UdpSocket, ip: IpAddr, port: u16) -> Option<String> {
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut buffer = [0; 512];
    // A port that is closed is reported by the next call on the socket.
    socket.send_to(b"?", (ip, port)).ok()?;
    let (size, _) = socket.recv_from(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..size]).into_owned())
}

fn loopback() -> IpAddr {
    [127, 0, 0, 1].into()
}

/// The bridge's address is one of the host's.
fn gateway(subnet: &str) -> IpAddr {
    match subnet.split_once("::/") {
        Some((net, _)) => format!("{net}::1").parse().unwrap(),
        None => subnet.replace(".0/24", ".1").parse().unwrap(),
    }
}

fn port(protocol: &str, container: u16, host: u16) -> Value {
    json!({ "containerPort": container, "hostPort": host, "protocol": protocol })
}

/// A Pod that answers `text` on TCP and UDP port 7000.
fn answering(name: &str, text: &str, ports: Value) -> Pod {
    let steps = ["answer", "tcp", "7000", text, "answer", "udp", "7000", text, "forever"];
    Pod::new(name).container(Container::new("main", &steps).field("ports", ports))
}

/// Waits until the Pod answers, which is a little after it runs.
fn wait_answer(ip: IpAddr, port: u16) -> String {
    eventually(&format!("{ip} answers on port {port}"), || ask_tcp(ip, port))
}

fn start(node: Node, pod: Value, arguments: &[&str]) -> Scene {
    let mut scene = Scene::start_with(node, pod, arguments);
    scene.run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    scene
}

#[test]
fn host_ports_lead_to_the_pod_from_every_address_of_the_host_and_close_with_it() {
    let node = Node::with_testload();
    let (number, gateway) = (node.host_port(0), gateway(&node.subnet()));
    let ports = json!([port("TCP", 7000, number), port("UDP", 7000, number)]);
    let scene = start(node, answering("web", "web", ports).build(), &[]);
    // On the way from the loopback the Pod sees the bridge.
    assert_eq!(wait_answer(loopback(), number), format!("web to {gateway}"));
    assert_eq!(ask_tcp(gateway, number).as_deref(), Some(format!("web to {gateway}").as_str()));
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let answers = || ask_udp(&socket, loopback(), number);
    assert_eq!(eventually("it answers over UDP", answers), format!("web to {gateway}"));
    let node = scene.node;
    scene.run.interrupt(LIMIT);
    assert_eq!((ask_tcp(loopback(), number), ask_tcp(gateway, number)), (None, None));
    assert_eq!(ask_udp(&socket, loopback(), number), None);
    node.assert_clean();
}

#[test]
fn a_host_port_of_one_address_is_open_there_only() {
    let node = Node::with_testload();
    let (number, gateway) = (node.host_port(0), gateway(&node.subnet()));
    let mut port = port("TCP", 7000, number);
    port["hostIP"] = json!("127.0.0.1");
    let scene = start(node, answering("web", "web", json!([port])).build(), &[]);
    wait_answer(loopback(), number);
    assert_eq!(ask_tcp(gateway, number), None);
    drop(scene);
}

#[test]
fn pods_reach_each_other_and_themselves_through_host_ports_and_a_taken_one_is_refused() {
    let node = Node::with_testload();
    let (first, second, gateway) = (node.host_port(0), node.host_port(1), gateway(&node.subnet()));
    let on = |name: &str, number: u16| answering(name, name, json!([port("TCP", 7000, number)])).build();
    let command = node.run(&[on("first", first), on("second", second)]).arg("--keep");
    let mut run = command.start();
    for _ in 0..2 {
        run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    }
    wait_answer(loopback(), first);
    wait_answer(loopback(), second);
    let ask = |pod: &str, number: u16| {
        let address = format!("{gateway}:{number}");
        node.exec(pod, "main", &["/testload", "ask", "tcp", &address]).ok().stdout
    };
    // The answer comes back the way it went: the bridge is in between.
    assert_eq!(ask("first", second), format!("second to {gateway}\n"));
    assert_eq!(ask("first", first), format!("first to {gateway}\n"));
    assert_eq!(run.interrupt(LIMIT).code, Some(0));

    let mut late = node.run(&[on("late", first)]).start();
    let refusal = late.wait_for("a refusal", LIMIT, |e| e.message.as_deref().is_some_and(|m| m.contains("is taken")));
    let holder = format!("TCP port {first} of the host is taken: Pod default/first has TCP port {first}");
    assert!(refusal.message.as_deref().is_some_and(|m| m.contains(&holder)), "{refusal:?}");
    let _ = node.verb(&["rm", "first"]).ok();
    late.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    eventually("the new holder answers", || ask_tcp(loopback(), first).filter(|a| a.starts_with("late")));
    late.interrupt(LIMIT);
}

#[test]
fn pods_have_addresses_of_both_families_and_host_ports_on_both() {
    let node = Node::with_testload();
    let (number, subnet6) = (node.host_port(0), node.subnet6());
    let gateway6 = gateway(&subnet6);
    let pod = answering("dual", "dual", json!([port("TCP", 7000, number)])).build();
    let mut scene = start(node, pod, &["--keep", "--subnet6", &subnet6]);
    let shown = scene.pod();
    let ips: Vec<IpAddr> = shown["status"]["podIPs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ip| ip["ip"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(ips.len() == 2 && ips[0].is_ipv4() && ips[1].is_ipv6(), "{ips:?}");
    let seen = scene.node.exec("dual", "main", &["/testload", "addresses"]).ok().stdout;
    let seen: Vec<&str> = seen.lines().filter(|ip| !matches!(*ip, "127.0.0.1" | "::1")).collect();
    assert_eq!(seen, ips.iter().map(ToString::to_string).collect::<Vec<_>>());
    // The usual ways: straight to the Pod, and through the host, in both families.
    for (ip, number) in [(ips[1], 7000), (gateway6, number), (loopback(), number), (ips[0], 7000)] {
        assert!(wait_answer(ip, number).starts_with("dual to "), "{ip} {number}");
    }
    let address = format!("[{gateway6}]:{number}");
    let back = scene.node.exec("dual", "main", &["/testload", "ask", "tcp", &address]).ok().stdout;
    assert_eq!(back, format!("dual to {gateway6}\n"));
    // A later agent finds the network without being told.
    let node = scene.node;
    scene.run.interrupt(LIMIT);
    scene = Scene { run: node.run(&[answering("late", "late", json!([])).build()]).start(), node };
    let ready = scene.run.wait_for("Ready", LIMIT, |e| e.is("PodReady") && e.pod.ends_with("late"));
    let late = scene.node.verb(&["ps", "-o", "json"]).ok().json();
    let late = late.as_array().unwrap().iter().find(|p| p["pod"] == ready.pod.as_str()).unwrap().clone();
    assert_eq!(late["status"]["podIPs"].as_array().unwrap().len(), 2);
}

#[test]
fn host_ports_survive_a_crash_of_the_agent_and_follow_the_pod_after_one_of_its_shim() {
    let node = Node::with_testload();
    let number = node.host_port(0);
    let manifest = answering("web", "web", json!([port("TCP", 7000, number), port("UDP", 7000, number)]));
    let manifest = manifest.policy("Always").build();
    let mut scene = start(node, manifest.clone(), &["--keep"]);
    wait_answer(loopback(), number);
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    eventually("it answers over UDP", || ask_udp(&socket, loopback(), number));
    let node = scene.node;
    drop(scene.run);
    wait_answer(loopback(), number);
    scene = Scene { run: node.run(&[manifest]).start(), node };
    let shim =
        eventually("there is a shim", || scene.node.processes().into_iter().find(|p| p.command.contains("shim")));
    shim.kill();
    scene.run.wait_for("a new sandbox", LIMIT, |e| e.is("SandboxReady"));
    scene.run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    wait_answer(loopback(), number);
    eventually("the same sender reaches the new Pod over UDP", || ask_udp(&socket, loopback(), number));
    scene.run.interrupt(LIMIT);
}

/// A folder with these programs of the system, to be all of PATH.
fn only(folder: &Path, programs: &[&str]) -> std::path::PathBuf {
    let path = folder.join("programs");
    std::fs::create_dir_all(&path).unwrap();
    for program in programs {
        let of = ["/usr/sbin", "/sbin"].iter().map(|f| Path::new(f).join(program)).find(|p| p.exists());
        std::os::unix::fs::symlink(of.unwrap(), path.join(program)).unwrap();
    }
    path
}

#[test]
fn without_nft_host_ports_work_through_iptables() {
    let node = Node::with_testload();
    let (number, subnet6) = (node.host_port(0), node.subnet6());
    let gateway6 = gateway(&subnet6);
    let programs = ["iptables", "iptables-restore", "ip6tables", "ip6tables-restore"];
    let path = only(node.scratch(), &programs);
    let pod = answering("web", "web", json!([port("TCP", 7000, number)])).build();
    let start = |more: Option<&str>| {
        let command = node.run(std::slice::from_ref(&pod)).arg("--subnet6").arg(&subnet6);
        more.into_iter().fold(command, |command, flag| command.arg(flag)).env("PATH", &path).start()
    };
    let mut run = start(None);
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    assert!(wait_answer(loopback(), number).starts_with("web to "));
    assert!(wait_answer(gateway6, number).starts_with("web to "));
    let address = format!("{}:{number}", gateway(&node.subnet()));
    let back = node.exec("web", "main", &["/testload", "ask", "tcp", &address]).ok().stdout;
    assert!(back.starts_with("web to "), "{back}");
    run.interrupt(LIMIT);
    assert_eq!(ask_tcp(loopback(), number), None);
    // With nft installed by then, the rules are taken over.
    let mut run = start(Some("--keep"));
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    run.interrupt(LIMIT);
    let late = answering("late", "late", json!([])).build();
    let mut run = node.run(&[late]).start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    assert!(wait_answer(loopback(), number).starts_with("web to "));
    run.interrupt(LIMIT);
    node.assert_clean();
}
