//! What the restart agent in a Pod does, in a task: it reads the JobSet, notes its Pod's attempt, follows the JobSet, and does what the
//! barrier's decision says.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use http::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use reprise_jobset::barrier::{Decision, Signal, decide, first_attempt};
use reprise_jobset::names::{IN_PLACE_RESTART_ATTEMPT, RESTART_AGENT_FIELD_MANAGER};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::network::{Network, Served};
use crate::runtime::AgentSettings;

/// How long one watch goes on: client-go's five to ten minutes.
const WATCH_SECONDS: std::ops::Range<u32> = 300..600;
/// Pauses between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where the agent's startup probe reaches it.
pub(crate) struct Place {
    pub(crate) network: Arc<Network>,
    pub(crate) address: Ipv4Addr,
}

/// Lives until the Pod is to restart. `lifted` is called when the worker may run.
pub(crate) async fn live(client: Client, settings: AgentSettings, place: Option<Place>, lifted: impl Fn() + Send) {
    let mut agent = Agent { client, settings, place, own: None, served: None, lifted };
    let mut pause = FIRST_PAUSE;
    loop {
        match agent.follow().await {
            Ok(true) => return,
            // The watch's time was over.
            Ok(false) => pause = FIRST_PAUSE,
            Err(error) => {
                tracing::debug!(pod = agent.settings.pod, %error, "a restart agent tries again");
                tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Why an agent can't go on.
#[derive(Debug, thiserror::Error)]
enum AgentError {
    #[error("the API refuses or is away: {0}")]
    Api(#[from] kube::Error),
    #[error("the JobSet can't be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a request can't be made: {0}")]
    Request(#[from] http::Error),
    #[error("the watch broke: {0}")]
    Stream(#[from] std::io::Error),
    #[error("the watch begins anew: the version is too old")]
    Expired,
}

struct Agent<F> {
    client: Client,
    settings: AgentSettings,
    place: Option<Place>,
    /// The Pod's attempt, once it is noted.
    own: Option<i32>,
    /// The startup probe's answer.
    served: Option<Served>,
    lifted: F,
}

/// What is needed of an object's metadata.
#[derive(Debug, Default, Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl<F: Fn() + Send> Agent<F> {
    /// From a read of the JobSet to the end of one watch. True if the Pod is to restart.
    async fn follow(&mut self) -> Result<bool, AgentError> {
        let path = format!("/apis/jobset.x-k8s.io/v1alpha2/namespaces/{}/jobsets", self.settings.namespace);
        let text = self.client.request_text(get(format!("{path}/{}", self.settings.job_set))?).await?;
        let (signal, version): (Signal, Versioned) = (serde_json::from_str(&text)?, serde_json::from_str(&text)?);
        self.note_attempt(&signal).await?;
        if self.act(&signal) {
            return Ok(true);
        }
        let seconds = fastrand::u32(WATCH_SECONDS);
        let (name, version) = (&self.settings.job_set, version.metadata.resource_version);
        let query = format!(
            "watch=1&fieldSelector=metadata.name%3D{name}&resourceVersion={version}&timeoutSeconds={seconds}&allowWatchBookmarks=true"
        );
        let mut lines = self.client.request_stream(get(format!("{path}?{query}"))?).await?.lines();
        while let Some(line) = lines.next().await {
            let line = line?;
            let Line { kind, object } = serde_json::from_str(&line)?;
            let is_change = matches!(kind, "ADDED" | "MODIFIED");
            if is_change && self.act(&serde_json::from_str(object.get())?) {
                return Ok(true);
            }
            if kind == "ERROR" {
                return Err(AgentError::Expired);
            }
        }
        Ok(false)
    }

    /// At the start, and once.
    async fn note_attempt(&mut self, signal: &Signal) -> Result<(), AgentError> {
        if self.own.is_some() || signal.is_bypass() {
            return Ok(());
        }
        let own = first_attempt(signal.current);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.settings.namespace);
        let metadata = json!({ "annotations": { IN_PLACE_RESTART_ATTEMPT: own.to_string() } });
        let patch = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata });
        let parameters = PatchParams::apply(RESTART_AGENT_FIELD_MANAGER).force();
        pods.patch_metadata(&self.settings.pod, &parameters, &Patch::Apply(patch)).await?;
        self.own = Some(own);
        Ok(())
    }

    /// True if the Pod is to restart.
    fn act(&mut self, signal: &Signal) -> bool {
        // Without an attempt there is no barrier.
        match self.own.map_or(Decision::Bypass, |own| decide(own, signal)) {
            Decision::Wait => false,
            Decision::Restart => true,
            Decision::Lift | Decision::Bypass => {
                if self.served.is_none()
                    && let Some(place) = &self.place
                {
                    let (path, port) = (&self.settings.probe_path, self.settings.probe_port);
                    self.served = Some(place.network.serve(place.address, port, path));
                }
                (self.lifted)();
                false
            }
        }
    }
}

fn get(path: String) -> Result<Request<Vec<u8>>, http::Error> {
    Request::get(path).body(Vec::new())
}
