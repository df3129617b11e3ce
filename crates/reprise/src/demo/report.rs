//! What the demo says at its end.

use std::fmt::Write as _;

use serde::Serialize;

use super::witness::{Findings, Witness};
use super::workload::STEPS;
use crate::pod::PodReport;
use crate::pod::summary::{StepSummary, Summary};

/// The last line of `demo -o json`: a run's summary and what was found.
#[derive(Debug, Serialize)]
pub struct DemoSummary {
    #[serde(flatten)]
    pub summary: Summary,
    pub demo: Findings,
}

/// The same for people.
pub fn text(pod: &PodReport, witness: &Witness, findings: &Findings) -> String {
    let mut text = format!("\n{}: {}, restarts in place: {}\n", pod.pod, pod.phase, pod.epoch);
    // Writing to a string can't fail.
    for step in &pod.steps {
        let step = StepSummary::of(step);
        let _ = writeln!(text, "\n  trigger      {}", step.trigger.message());
        let _ = writeln!(text, "  from that exit to");
        let parts = [
            ("all containers dead", step.ms.killed),
            ("all containers removed", step.ms.removed),
            ("setup-environment running", step.ms.init_running),
            ("main-application running", step.ms.main_running),
            ("Pod Ready", step.ms.ready),
        ];
        for (part, ms) in parts {
            let ms = ms.map_or_else(|| "not reached".to_owned(), |ms| format!("{ms:8.1} ms"));
            let _ = writeln!(text, "    {part:<26} {ms}");
        }
    }
    let _ = writeln!(text, "\n  before and after");
    for (what, same, value) in compared(witness, findings) {
        let verdict = if same { "the same" } else { "NOT THE SAME" };
        let _ = writeln!(text, "    {what:<9} {verdict:<13} {value}");
    }
    let _ = match findings.resumed_from_step {
        Some(step) => {
            writeln!(text, "\n  training went on from step {step} of {STEPS}, its checkpoint in the emptyDir")
        }
        None => writeln!(text, "\n  training did NOT go on from its checkpoint"),
    };
    text
}

fn compared(witness: &Witness, findings: &Findings) -> [(&'static str, bool, String); 4] {
    let seen = witness.after.as_ref().or(witness.before.as_ref());
    let value = |of: &dyn Fn(&super::witness::Facts) -> Option<String>| {
        seen.and_then(of).unwrap_or_else(|| "not seen".to_owned())
    };
    [
        ("UID", findings.uid_same, value(&|facts| Some(facts.uid.clone()))),
        ("IP", findings.ip_same, value(&|facts| facts.ip.clone())),
        ("sandbox", findings.sandbox_same, value(&|facts| facts.sandbox.clone())),
        ("emptyDir", findings.empty_dir_same, value(&|facts| Some(format!("inode {}, contents kept", facts.volume.1)))),
    ]
}
