//! Logs in CRI's format.

use reprise_cri::v1::*;
use tonic::Code;

use crate::case::cases;
use crate::log;
use crate::requests::{With, mount};
use crate::scene::{Scene, eventually};

cases![
    each_line_has_its_time_and_stream_in_order,
    long_lines_come_in_parts_and_a_line_without_end_is_kept,
    binary_output_is_kept_as_it_is,
    a_rotated_log_goes_on_in_a_new_file,
    only_a_running_containers_log_can_be_opened_anew,
    attempts_have_files_of_their_own,
    a_container_without_a_log_runs_all_the_same,
    much_output_is_logged_whole,
    a_terminals_output_is_logged_too,
];

async fn lines_of(scene: &Scene, config: ContainerConfig, last: &str) -> Vec<log::Line> {
    let pod = scene.pod().await;
    let path = scene.log_path(&pod, &config);
    scene.run_to_end(&pod, config).await;
    let there = async || Some(log::read(&path)).filter(|l| l.iter().any(|line| line.text.ends_with(last.as_bytes())));
    eventually(&format!("{last:?} in the log"), there).await
}

async fn each_line_has_its_time_and_stream_in_order(scene: &Scene) {
    let before = jiff::Timestamp::now();
    let folder = scene.folder("ctl");
    let pod = scene.pod().await;
    let steps =
        ["print", "one", "wait-file", "/ctl/1", "eprint", "two", "wait-file", "/ctl/2", "print", "", "print", "four"];
    let config = scene.container("main", &steps).with(|config| config.mounts.push(mount(&folder, "/ctl")));
    let path = scene.log_path(&pod, &config);
    scene.run(&pod, config).await;
    // Streams are pipes of their own: what comes at once by both has no order.
    for number in [1, 2] {
        let logged = async || (log::read(&path).len() == number).then_some(());
        eventually("the line is in the log", logged).await;
        std::fs::write(folder.join(number.to_string()), "").unwrap();
    }
    scene.logged(&path, "four").await;
    let lines = log::read(&path);
    let seen: Vec<(&str, &[u8])> = lines.iter().map(|line| (line.stream.as_str(), line.text.as_slice())).collect();
    assert_eq!(seen, [("stdout", &b"one"[..]), ("stderr", b"two"), ("stdout", b""), ("stdout", b"four")]);
    assert!(lines.iter().all(|line| !line.is_partial));
    let times: Vec<_> = lines.iter().map(|line| line.time).collect();
    assert!(times.is_sorted() && times[0] >= before && times[3] <= jiff::Timestamp::now(), "{times:?}");
}

async fn long_lines_come_in_parts_and_a_line_without_end_is_kept(scene: &Scene) {
    let steps = ["print-bytes", "100000", "print-raw", "656e64"];
    let lines = lines_of(scene, scene.container("main", &steps), "end").await;
    let (end, parts) = lines.split_last().unwrap();
    assert_eq!(end.text, b"end");
    assert!(parts.len() > 1 && parts.iter().rev().skip(1).all(|part| part.is_partial), "parts, and a last one");
    let expected = format!("{}\n", "x".repeat(100_000)).into_bytes();
    assert!(log::joined(parts, "stdout") == expected, "parts make the line");
    assert!(parts.iter().all(|part| part.text.len() <= 16 * 1024), "no part is longer than 16 KiB");
}

async fn binary_output_is_kept_as_it_is(scene: &Scene) {
    let lines = lines_of(scene, scene.container("main", &["print-raw", "00ff80fe0a", "print", "end"]), "end").await;
    assert_eq!(lines[0].text, [0, 0xff, 0x80, 0xfe]);
}

async fn a_rotated_log_goes_on_in_a_new_file(scene: &Scene) {
    let folder = scene.folder("ctl");
    let pod = scene.pod().await;
    let steps = ["print", "old", "wait-file", "/ctl/go", "print", "new", "forever"];
    let config = scene.container("main", &steps).with(|config| config.mounts.push(mount(&folder, "/ctl")));
    let path = scene.log_path(&pod, &config);
    let id = scene.run(&pod, config).await;
    scene.logged(&path, "old").await;
    let moved = path.with_extension("log.1");
    std::fs::rename(&path, &moved).unwrap();
    for _ in 0..2 {
        let request = ReopenContainerLogRequest { container_id: id.clone() };
        scene.runtime().reopen_container_log(request).await.unwrap();
        assert!(path.exists(), "there as soon as the call is answered");
    }
    std::fs::write(folder.join("go"), "").unwrap();
    assert_eq!(scene.logged(&path, "new").await, "new\n");
    assert_eq!(scene.logged(&moved, "old").await, "old\n");
}

async fn only_a_running_containers_log_can_be_opened_anew(scene: &Scene) {
    let pod = scene.pod().await;
    let created = scene.create(&pod, scene.container("created", &["forever"])).await;
    let ended = scene.run_to_end(&pod, scene.container("ended", &["exit", "0"])).await.id;
    for id in [created, ended] {
        let request = ReopenContainerLogRequest { container_id: id };
        let error = scene.runtime().reopen_container_log(request).await.unwrap_err();
        let expected = if scene.differs("logs::not-running") { Code::Unknown } else { Code::FailedPrecondition };
        assert_eq!(error.code(), expected, "{error}");
    }
    let request = ReopenContainerLogRequest { container_id: "0123456789abcdef".into() };
    let error = scene.runtime().reopen_container_log(request).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

async fn attempts_have_files_of_their_own(scene: &Scene) {
    let pod = scene.pod().await;
    for attempt in 0..3 {
        let text = format!("attempt {attempt}");
        let config = scene.container("main", &["print", &text]).with(|config| {
            config.metadata.as_mut().unwrap().attempt = attempt;
            config.log_path = format!("main/{attempt}.log");
        });
        std::fs::create_dir_all(scene.log_path(&pod, &config).parent().unwrap()).unwrap();
        let path = scene.log_path(&pod, &config);
        scene.run_to_end(&pod, config).await;
        assert_eq!(scene.logged(&path, &text).await, format!("{text}\n"));
    }
}

async fn a_container_without_a_log_runs_all_the_same(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["print-lines", "50000", "unseen", "exit", "4"]);
    let status = scene.run_to_end(&pod, config.with(|config| config.log_path.clear())).await;
    assert_eq!(status.exit_code, 4, "it was not held up by output that nobody takes");
    assert_eq!(status.log_path, "");
}

async fn much_output_is_logged_whole(scene: &Scene) {
    // It goes on running: containerd 1.6 may lose what a program has written just before its end.
    let config = scene.container("main", &["print-lines", "30000", "line", "forever"]);
    let pod = scene.pod().await;
    let path = scene.log_path(&pod, &config);
    scene.run(&pod, config).await;
    let whole = async || Some(log::read(&path)).filter(|l| l.last().is_some_and(|line| line.text == b"line 30000"));
    let lines = eventually("the last line in the log", whole).await;
    assert_eq!(lines.len(), 30_000);
    let wrong = lines.iter().zip(1..).find(|(line, number)| line.text != format!("line {number}").as_bytes());
    assert_eq!(wrong, None);
}

async fn a_terminals_output_is_logged_too(scene: &Scene) {
    let config = scene.container("main", &["print", "out", "eprint", "err", "print", "end"]);
    let end = if scene.differs("logs::carriage-returns") { "" } else { "\r" };
    let lines = lines_of(scene, config.with(|config| config.tty = true), &format!("end{end}")).await;
    let text = String::from_utf8(log::joined(&lines, "stdout")).unwrap();
    assert_eq!(text, format!("out{end}\nerr{end}\nend{end}\n"));
}
