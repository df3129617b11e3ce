//! A Pod as somebody who looks at the node sees it.

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::ledger::Ledger;
use reprise_core::plan::Stage;
use reprise_core::step::StepRecord;
use serde::{Deserialize, Serialize};

/// A Pod at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PodView {
    /// The Pod as admitted, with what has been asked for since.
    pub pod: Pod,
    /// Its newest status.
    pub status: PodStatus,
    /// Its durable record.
    pub ledger: Ledger,
    /// Where it stands with the node.
    #[serde(with = "stage_name")]
    pub stage: Stage,
    /// Its complete restarts, oldest first; the one under way is `ledger.last_step`.
    pub steps: Vec<StepRecord>,
}

impl PodView {
    /// All its restarts, oldest first, the newest as far as it is.
    #[must_use]
    pub fn all_steps(&self) -> Vec<StepRecord> {
        let mut steps = self.steps.clone();
        if let Some(newest) = &self.ledger.last_step
            && steps.last().is_none_or(|s| s.epoch < newest.epoch)
        {
            steps.push(newest.clone());
        }
        steps
    }
}

mod stage_name {
    use reprise_core::plan::Stage;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(stage: &Stage, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match stage {
            Stage::Live => "Live",
            Stage::Ended => "Ended",
            Stage::Gone => "Gone",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Stage, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "Live" => Ok(Stage::Live),
            "Ended" => Ok(Stage::Ended),
            "Gone" => Ok(Stage::Gone),
            other => Err(D::Error::unknown_variant(other, &["Live", "Ended", "Gone"])),
        }
    }
}
