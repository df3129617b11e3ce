//! Static Pods: a folder and a URL whose Pods run as long as they name them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use serde_json::Value;

use crate::care::config;
use crate::scene::{LIMIT, eventually};

fn manifest(name: &str, says: &str) -> String {
    Pod::new(name).container(Container::new("main", &["print", says, "forever"])).build().to_string()
}

/// As an editor saves it: under another name first.
fn save(folder: &Path, name: &str, text: &str) {
    let new = folder.join(format!(".{name}.new"));
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.join(name)).unwrap();
}

fn start(node: &Node, folder: &Path) -> Run {
    node.run(&[]).arg("--events").arg("--static-pod-path").arg(folder).start()
}

fn wait_ready(run: &mut Run, name: &str) -> String {
    let full = format!("default/{name}-localhost");
    run.wait_for(&format!("{name} is Ready"), LIMIT, |e| e.is("PodReady") && e.pod == full).uid
}

/// Names and UIDs of the Pods that are there.
fn pods(node: &Node) -> Vec<(String, String)> {
    let all = node.verb(&["ps", "-o", "json"]).ok().json();
    let text = |pod: &Value, field: &str| pod[field].as_str().unwrap().to_owned();
    all.as_array().unwrap().iter().map(|pod| (text(pod, "pod"), text(pod, "uid"))).collect()
}

fn wait_until_only(node: &Node, uid: &str) {
    eventually("only one Pod is left", || matches!(&pods(node)[..], [(_, only)] if only == uid).then_some(()));
}

#[test]
fn a_folder_s_pods_come_change_and_go_with_their_files() {
    let node = Node::with_testload();
    let folder = node.scratch().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    save(&folder, "a.yaml", &manifest("a", "one"));
    let mut run = start(&node, &folder);
    let first = wait_ready(&mut run, "a");
    save(&folder, "b.json", &manifest("b", "two"));
    let other = wait_ready(&mut run, "b");
    save(&folder, "a.yaml", &manifest("a", "changed"));
    let second = wait_ready(&mut run, "a");
    assert_ne!(first, second);
    eventually("the changed Pod has printed", || {
        (node.logs("a-localhost", "main", false) == "changed\n").then_some(())
    });
    save(&folder, "b.json", "{\"kind\": ");
    let told = run.wait_for("the broken file is told", LIMIT, |e| e.reason.as_deref() == Some("FailedValidation"));
    assert!(told.message.unwrap().contains("b.json"));
    save(&folder, "c.yaml", &manifest("c", "three"));
    let third = wait_ready(&mut run, "c");
    let mut left: Vec<String> = pods(&node).into_iter().map(|(_, uid)| uid).collect();
    left.sort();
    let mut expected = [second.clone(), other, third];
    expected.sort();
    assert_eq!(left, expected, "a broken file disturbs nobody");
    ["b.json", "c.yaml"].iter().for_each(|name| std::fs::remove_file(folder.join(name)).unwrap());
    wait_until_only(&node, &second);
    let finished = run.interrupt(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    assert_eq!(pods(&node), [], "the run's end is that of its Pods");
}

#[test]
fn a_file_that_goes_while_no_agent_runs_ends_its_pod_at_the_next_start() {
    let node = Node::with_testload();
    let folder = node.scratch().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    ["stays", "goes"].iter().for_each(|name| save(&folder, &format!("{name}.yaml"), &manifest(name, name)));
    let mut run = start(&node, &folder);
    eventually("both are there", || (pods(&node).len() == 2).then_some(()));
    let stays = pods(&node).into_iter().find(|(name, _)| name.contains("stays")).unwrap().1;
    let mut ready = 0;
    while ready < 2 {
        run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
        ready += 1;
    }
    run.kill();
    std::fs::remove_file(folder.join("goes.yaml")).unwrap();
    assert_eq!(pods(&node).len(), 2, "looking at Pods ends none");
    let again = start(&node, &folder);
    wait_until_only(&node, &stays);
    let finished = again.interrupt(LIMIT);
    assert_eq!(finished.summary().pod("stays-localhost").restarts("main"), 0, "it went on over the crash");
}

/// Serves what it is told, and remembers the requests.
fn serve(says: Arc<Mutex<Option<String>>>, heard: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/pods", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            heard.lock().unwrap().push_str(&request.join("\n").to_lowercase());
            let answer = match says.lock().unwrap().as_ref() {
                Some(text) => {
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())
                }
                None => "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
            };
            // A client that is gone needs none.
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    url
}

#[test]
fn a_url_s_pods_follow_it_and_outlive_its_errors() {
    let node = Node::with_testload();
    let (says, heard) = (Arc::new(Mutex::new(Some(manifest("web", "one")))), Arc::default());
    let url = serve(Arc::clone(&says), Arc::clone(&heard));
    let fields = format!("staticPodURL: {url}\nstaticPodURLHeader: {{X-Node: [n1]}}\nhttpCheckFrequency: 1s\n");
    let config = config(&node, &fields);
    let mut run = node.run(&[]).arg("--events").arg("--config").arg(config).start();
    let first = wait_ready(&mut run, "web");
    assert!(heard.lock().unwrap().contains("x-node: n1"));
    *says.lock().unwrap() = None;
    run.wait_for("the error is told", LIMIT, |e| e.message.as_deref().is_some_and(|m| m.contains("500")));
    assert_eq!(pods(&node), [("default/web-localhost".to_owned(), first.clone())]);
    *says.lock().unwrap() = Some(manifest("web", "two"));
    let second = wait_ready(&mut run, "web");
    assert_ne!(first, second);
    assert_eq!(run.interrupt(LIMIT).code, Some(0));
}
