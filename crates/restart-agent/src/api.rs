//! What the agent asks of the API: its JobSet, changes of it, and to note its Pod's attempt.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::time::Duration;

use reprise_jobset::barrier::Signal;
use reprise_jobset::names::{IN_PLACE_RESTART_ATTEMPT, RESTART_AGENT_FIELD_MANAGER};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::connection::{Connection, Head, Request};
use crate::credentials::Credentials;
use crate::error::ApiError;
use crate::settings::Settings;

const LIMIT: Duration = Duration::from_secs(15);
/// How long a watch goes on, in seconds: not as long for one agent as for the next, or all would begin anew at once.
const WATCH_SECONDS: std::ops::Range<u64> = 300..600;
/// No object of a Kubernetes API is longer.
const BODY_MAX: u64 = 8 << 20;
const BUFFER: usize = 4 << 10;

/// A JobSet as it was at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it says to the agent.
    pub signal: Signal,
    /// From where to watch.
    pub version: String,
}

/// The API, with a connection that is kept from call to call.
#[derive(Debug)]
pub struct Api<'a> {
    settings: &'a Settings,
    credentials: Credentials,
    connection: Option<Connection>,
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    items: Vec<Signal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

impl<'a> Api<'a> {
    /// Nothing is connected yet.
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, credentials: Credentials(settings.service_account.clone()), connection: None }
    }

    /// The JobSet. It is listed, not got: only the version of a list is one that can be watched from whenever the object itself
    /// was last changed.
    ///
    /// # Errors
    /// If there is none, or it can't be read.
    pub fn job_set(&mut self) -> Result<Seen, ApiError> {
        let path = self.job_sets();
        let bytes = self.call("reading the JobSet", &Request { method: "GET", path: &path, body: None })?;
        let list: List = self.parsed(&bytes)?;
        let no_job_set = || {
            let Settings { job_set, namespace, .. } = self.settings;
            ApiError::NoJobSet { name: job_set.clone(), namespace: namespace.clone() }
        };
        let signal = list.items.into_iter().next().ok_or_else(no_job_set)?;
        Ok(Seen { signal, version: list.metadata.resource_version })
    }

    /// Notes the attempt that the Pod has reached, by server-side apply.
    ///
    /// # Errors
    /// If it is refused, or nobody answers.
    pub fn apply_attempt(&mut self, attempt: i32) -> Result<(), ApiError> {
        let Settings { namespace, pod, .. } = self.settings;
        let path =
            format!("/api/v1/namespaces/{namespace}/pods/{pod}?fieldManager={RESTART_AGENT_FIELD_MANAGER}&force=true");
        let annotations = json!({IN_PLACE_RESTART_ATTEMPT: attempt.to_string()});
        let metadata = json!({"name": pod, "namespace": namespace, "annotations": annotations});
        let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}).to_string();
        let body = Some(("application/apply-patch+yaml", body.as_bytes()));
        self.call("noting the Pod's attempt", &Request { method: "PATCH", path: &path, body }).map(drop)
    }

    /// Watches the JobSet from `seen`, which is kept at what was seen last, until `each` has had enough or the server ends it.
    ///
    /// # Errors
    /// If the connection breaks; `Expired` if the JobSet has to be read again.
    pub fn watch(&mut self, seen: &mut Seen, mut each: impl FnMut(&Signal) -> ControlFlow<()>) -> Result<(), ApiError> {
        let seconds = fastrand::u64(WATCH_SECONDS);
        let path = format!(
            "{}&watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={}",
            self.job_sets(),
            seen.version
        );
        let request = Request { method: "GET", path: &path, body: None };
        let (mut connection, head) = self.begin(&request, Duration::from_secs(seconds) + LIMIT)?;
        if head.code != 200 {
            let refused = refusal("watching the JobSet", head.code, &connection.whole_body(head, BODY_MAX)?);
            self.connection = Some(connection).filter(Connection::is_reusable);
            return Err(refused);
        }
        let mut body = BufReader::with_capacity(BUFFER, connection.body(head));
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = Read::take(&mut body, BODY_MAX).read_until(b'\n', &mut line);
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    drop(body);
                    return Err(connection.broken(error));
                }
            }
            let event: Event = self.parsed(&line)?;
            if let Some(signal) = self.taken_in(event, seen)?
                && each(&signal).is_break()
            {
                return Ok(());
            }
        }
        let is_over = body.into_inner().is_over();
        self.connection = Some(connection).filter(|connection| is_over && connection.is_reusable());
        Ok(())
    }

    /// What an event says, if it is about the JobSet as it is now.
    fn taken_in(&self, event: Event, seen: &mut Seen) -> Result<Option<Signal>, ApiError> {
        if event.kind == "ERROR" {
            let code = event.object["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            return Err(refusal("watching the JobSet", code.unwrap_or_default(), event.object.to_string().as_bytes()));
        }
        if let Some(version) = event.object["metadata"]["resourceVersion"].as_str() {
            version.clone_into(&mut seen.version);
        }
        // A JobSet that is deleted takes its Pods with it; until then nothing changes for them.
        if !matches!(event.kind.as_str(), "ADDED" | "MODIFIED") {
            return Ok(None);
        }
        let signal = Signal::deserialize(event.object).map_err(|error| self.nonsense(&error))?;
        seen.signal = signal.clone();
        Ok(Some(signal))
    }

    fn job_sets(&self) -> String {
        let Settings { namespace, job_set, .. } = self.settings;
        format!("/apis/jobset.x-k8s.io/v1alpha2/namespaces/{namespace}/jobsets?fieldSelector=metadata.name%3D{job_set}")
    }

    fn call(&mut self, operation: &str, request: &Request<'_>) -> Result<Vec<u8>, ApiError> {
        let (mut connection, head) = self.begin(request, LIMIT)?;
        let bytes = connection.whole_body(head, BODY_MAX)?;
        self.connection = Some(connection).filter(Connection::is_reusable);
        if (200..300).contains(&head.code) { Ok(bytes) } else { Err(refusal(operation, head.code, &bytes)) }
    }

    /// Sends on the kept connection; if the server has given that one up meanwhile, on a new one.
    fn begin(&mut self, request: &Request<'_>, limit: Duration) -> Result<(Connection, Head), ApiError> {
        let token = self.credentials.token()?;
        if let Some(mut kept) = self.connection.take()
            && let Ok(head) = kept.send(request, &token, limit)
        {
            return Ok((kept, head));
        }
        let mut connection = Connection::open(&self.settings.server, &self.credentials)?;
        let head = connection.send(request, &token, limit)?;
        Ok((connection, head))
    }

    fn parsed<T: for<'de> Deserialize<'de>>(&self, bytes: &[u8]) -> Result<T, ApiError> {
        serde_json::from_slice(bytes).map_err(|error| self.nonsense(&error))
    }

    fn nonsense(&self, error: &serde_json::Error) -> ApiError {
        let (host, port) = &self.settings.server;
        ApiError::Protocol { server: format!("{host}:{port}"), problem: format!("what can't be understood ({error})") }
    }
}

/// The API's own words, from the Status that it has sent.
fn refusal(operation: &str, code: u16, body: &[u8]) -> ApiError {
    if code == 410 {
        return ApiError::Expired;
    }
    let status: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = status["message"].as_str().unwrap_or("without a word").to_owned();
    ApiError::Refused { operation: operation.to_owned(), code, message }
}
