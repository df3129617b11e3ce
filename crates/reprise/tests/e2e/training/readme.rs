//! The example's README, done as it says on a node of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reprise_testkit::{Node, reprise_path};

use crate::scene::settings;

/// Longer than all of it takes on a busy machine, in seconds.
const SECONDS: &str = "300";

#[test]
fn the_readme_s_commands_end_with_the_result_that_it_shows() {
    let node = Node::new();
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let readme = fs::read_to_string(repository.join("examples/training-jobset/README.md")).unwrap();
    let readme = readme.replace("/var/lib/reprise/", &format!("{}/", node.data_dir().display()));
    let script = node.scratch().join("readme.sh");
    let commands: Vec<String> = readme.lines().filter_map(|line| line.strip_prefix("    # ")).map(to_script).collect();
    assert!(commands.len() > 8, "{readme}");
    fs::write(&script, commands.join("\n")).unwrap();

    let mut command = Command::new("timeout");
    // With job control, as a person's shell has it.
    command.args([SECONDS, "bash", "-em"]).arg(&script).current_dir(repository);
    command.envs(node.command().get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path()).env("HOME", node.scratch()).env("REPRISE_CONFIG", settings(&node));
    command.env("UP_LOG", node.scratch().join("up.log"));
    command.env("REPRISE_LISTEN", format!("127.0.0.1:{}", node.host_port(0)));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let result = readme.lines().find_map(|line| line.strip_prefix("    training finished: ")).unwrap();
    assert!(said.lines().any(|line| line == format!("training finished: {result}")), "{said}");
}

/// What goes on in the background is waited for until it says what the README shows, and when it is ended, until it has.
fn to_script(command: &str) -> String {
    if command == "kill %1" {
        return "kill %1\nwait %1 || true".to_owned();
    }
    match command.strip_suffix(" &") {
        Some(command) => {
            format!("{command} > $UP_LOG 2>&1 &\nuntil grep -q '^node .* is ready$' $UP_LOG; do sleep 0.05; done")
        }
        None => command.to_owned(),
    }
}

/// With `reprise` and `kubectl` under their names.
fn path() -> std::ffi::OsString {
    let kubectl = PathBuf::from(env::var_os("REPRISE_NEWER_KUBECTL").unwrap_or_default());
    let reprise = reprise_path().parent().unwrap().to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([reprise, kubectl].into_iter().chain(env::split_paths(&others))).unwrap()
}
