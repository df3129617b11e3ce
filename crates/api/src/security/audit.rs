//! The audit log: a line of JSON for each request that was answered, for who wants to know who did what.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::access::{Request, User};

/// A log that can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't open the audit log {path}: {source}", path = path.display())]
pub struct AuditError {
    /// The file.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// The log. Bodies are not in it, so no secret is.
#[derive(Debug)]
pub struct AuditLog {
    file: Mutex<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: Timestamp,
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonated_by: Option<&'a str>,
    verb: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field_selector: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    label_selector: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    code: u16,
}

/// Who asked for what, and what the answer was.
#[derive(Debug, Clone, Copy)]
pub struct Audited<'a> {
    /// When it was answered.
    pub time: Timestamp,
    /// Who asked, after impersonation; none if nobody could be told.
    pub user: Option<&'a User>,
    /// Who really asked, if somebody was impersonated.
    pub impersonated_by: Option<&'a str>,
    /// For what.
    pub request: &'a Request,
    /// The HTTP code.
    pub code: u16,
}

impl AuditLog {
    /// Opens the file and writes at its end; only its owner can read one that is made.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|source| AuditError { path: path.to_owned(), source })?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Writes a line. Who asked is answered also if the disk is full; that is told in the agent's own log.
    pub fn record(&self, audited: &Audited<'_>) {
        let Audited { time, user, impersonated_by, request, code } = *audited;
        let user = user.map_or("", |user| user.name.as_str());
        let line = match request {
            Request::Path { verb, path } => Line { path, ..line(time, user, impersonated_by, verb, code) },
            Request::Resource(of) => Line {
                group: &of.group,
                resource: &of.resource,
                subresource: &of.subresource,
                namespace: &of.namespace,
                name: &of.name,
                field_selector: &of.field_selector,
                label_selector: &of.label_selector,
                ..line(time, user, impersonated_by, &of.verb, code)
            },
        };
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            // One write, so that lines of several requests never mix.
            self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)
        });
        if let Err(error) = written {
            tracing::error!(%error, "the audit log can't be written");
        }
    }
}

fn line<'a>(time: Timestamp, user: &'a str, impersonated_by: Option<&'a str>, verb: &'a str, code: u16) -> Line<'a> {
    Line {
        time,
        user,
        impersonated_by,
        verb,
        group: "",
        resource: "",
        subresource: "",
        namespace: "",
        name: "",
        field_selector: "",
        label_selector: "",
        path: "",
        code,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::{Value, json};

    use super::*;
    use crate::access::ResourceRequest;
    use crate::security::authentication::anonymous;

    #[test]
    fn each_answer_is_a_line_and_a_restart_writes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let request = ResourceRequest {
            verb: "get".to_owned(),
            resource: "pods".to_owned(),
            subresource: "log".to_owned(),
            namespace: "n".to_owned(),
            name: "p".to_owned(),
            ..ResourceRequest::default()
        };
        let user = anonymous();
        for request in
            [Request::Resource(request), Request::Path { verb: "get".to_owned(), path: "/a\n\"b".to_owned() }]
        {
            let log = AuditLog::open(&path).unwrap();
            let time = Timestamp::UNIX_EPOCH;
            log.record(&Audited { time, user: Some(&user), impersonated_by: None, request: &request, code: 403 });
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let first = json!({"time": "1970-01-01T00:00:00Z", "user": "system:anonymous", "verb": "get", "resource": "pods",
            "subresource": "log", "namespace": "n", "name": "p", "code": 403});
        assert_eq!(lines[0], first);
        assert_eq!((lines.len(), &lines[1]["path"]), (2, &json!("/a\n\"b")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
