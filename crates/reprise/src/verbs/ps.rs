//! `reprise ps`: the Pods of a node, as `kubectl get pods -o wide` lists them, with the epoch.

use std::process::ExitCode;

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::access;
use crate::cli::{Output, OutputArgs};
use crate::duration_text::age;
use crate::pod::{PodReport, state_text};
use crate::settings::Settings;

const HEADER: [&str; 8] = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "EPOCH", "IP", "AGE"];

/// Runs the verb.
pub async fn run(args: &OutputArgs, settings: &Settings) -> Result<ExitCode> {
    let pods: Vec<PodReport> = access::pods(settings).await?.iter().map(PodReport::of).collect();
    match args.output {
        Output::Json => outln!("{}", serde_json::to_string_pretty(&pods).context("writing JSON")?),
        Output::Text if pods.is_empty() => eprintln!("no Pods on {}", settings.data_dir.display()),
        Output::Text => out!("{}", table(&pods, Timestamp::now())),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(pods: &[PodReport], now: Timestamp) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(pods.iter().map(|pod| row(pod, now)));
    let mut widths = [0; HEADER.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let line = |row: &[String; HEADER.len()]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("   ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(pod: &PodReport, now: Timestamp) -> [String; HEADER.len()] {
    [
        pod.namespace.clone(),
        pod.name.clone(),
        state_text::ready(pod),
        state_text::status(pod),
        state_text::restarts(pod).to_string(),
        pod.epoch.to_string(),
        pod.ip.clone().unwrap_or_else(|| "<none>".to_owned()),
        pod.created_at.map_or_else(|| "<unknown>".to_owned(), |created| age(created, now)),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pod::testing::report;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut pod = report(json!({ "phase": "Pending" }));
        pod.ip = Some("10.0.0.2".to_owned());
        pod.created_at = Some(Timestamp::UNIX_EPOCH);
        let text = table(&[pod], Timestamp::from_second(42).unwrap());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NAMESPACE   NAME   READY   STATUS    RESTARTS   EPOCH   IP         AGE");
        assert_eq!(lines[1], "default     p      0/0     Pending   0          0       10.0.0.2   42s");
    }
}
