//! Running the programs that change the packet filter.

use std::io::Write;
use std::process::{Command, Stdio};

/// Runs `program` with `input`. An error is its name and the first line of what it said.
pub fn run(program: &str, arguments: &[&str], input: &str) -> Result<(), String> {
    let said = |e: std::io::Error| format!("{program}: {e}");
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(said)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(said)?;
    }
    let output = child.wait_with_output().map_err(said)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", text.lines().next().unwrap_or("failed")))
}
