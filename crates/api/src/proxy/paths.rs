//! What is asked of the kubelet: its own paths and words.

use form_urlencoded::Serializer;
use k8s_openapi::api::core::v1::Pod;

use super::container;
use crate::request::Query;
use crate::status::ApiError;
use crate::verbs::Asked;

const LOG_OPTIONS: [&str; 8] =
    ["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream"];
/// The client's names of streams, and the kubelet's.
const STREAMS: [(&str, &str); 4] = [("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")];

/// Path and query at the kubelet.
///
/// # Errors
/// 400 for a container that is not there, and where no stream is asked for.
pub(super) fn of(asked: &Asked, pod: &Pod) -> Result<String, ApiError> {
    let (query, place) = (&asked.query, format!("{}/{}", asked.namespace, asked.name));
    let mut words = Serializer::new(String::new());
    let path = match asked.part() {
        "portforward" => {
            for ports in query.all("ports") {
                words.append_pair("port", ports);
            }
            format!("/portForward/{place}")
        }
        "log" => {
            for name in LOG_OPTIONS {
                if let Some(value) = query.given(name) {
                    words.append_pair(name, value);
                }
            }
            format!("/containerLogs/{place}/{}", container::of(pod, query.text("container"))?)
        }
        part => {
            streams(query, &mut words)?;
            if part == "exec" {
                command(query, &mut words)?;
            }
            format!("/{part}/{place}/{}", container::of(pod, query.text("container"))?)
        }
    };
    let words = words.finish();
    Ok(if words.is_empty() { path } else { format!("{path}?{words}") })
}

fn streams(query: &Query, words: &mut Serializer<'_, String>) -> Result<(), ApiError> {
    let mut wanted = false;
    for (name, at_kubelet) in STREAMS {
        if query.flag(name) {
            words.append_pair(at_kubelet, "1");
            wanted |= name != "tty";
        }
    }
    if wanted { Ok(()) } else { Err(ApiError::bad_request("you must specify at least one of stdin, stdout, stderr")) }
}

fn command(query: &Query, words: &mut Serializer<'_, String>) -> Result<(), ApiError> {
    let mut all = query.all("command").peekable();
    if all.peek().is_none() {
        return Err(ApiError::bad_request("you must specify a command"));
    }
    words.extend_pairs(all.map(|word| ("command", word)));
    Ok(())
}
