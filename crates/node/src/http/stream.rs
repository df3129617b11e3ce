//! Exec, attach, port-forward and run.

use hyper::body::Incoming;
use hyper::{Request, Response};

use super::answer::{Body, Refusal, plain};
use super::proxy;
use super::query::Query;
use super::route::Target;
use super::serve::find;
use crate::node::{Node, WantedStreams};

pub(super) async fn exec(
    node: &Node,
    target: &Target,
    query: &Query,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    find(node, target)?;
    let (streams, command) = (streams(query)?, command(query, "command")?);
    let url = node.exec(&target.pod, Some(&target.container), command, streams).await?;
    proxy::relay(&url, request).await
}

pub(super) async fn attach(
    node: &Node,
    target: &Target,
    query: &Query,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    find(node, target)?;
    let url = node.attach(&target.pod, Some(&target.container), streams(query)?).await?;
    proxy::relay(&url, request).await
}

pub(super) async fn port_forward(
    node: &Node,
    target: &Target,
    query: &Query,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    find(node, target)?;
    let ports: Result<Vec<u16>, Refusal> = query.all("port").flat_map(|text| text.split(',')).map(port).collect();
    let url = node.port_forward(&target.pod, &ports?).await?;
    proxy::relay(&url, request).await
}

/// Runs a command to its end and answers with what it wrote.
pub(super) async fn run(node: &Node, target: &Target, query: &Query) -> Result<Response<Body>, Refusal> {
    find(node, target)?;
    // The kubelet takes one text here and splits it at spaces.
    let words = command(query, "cmd")?;
    let command = words.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    Ok(plain(node.run_command(&target.pod, &target.container, command).await?))
}

fn port(text: &str) -> Result<u16, Refusal> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| Refusal::bad_request(format!("port {text:?} is not a number from 1 to 65535")))
}

fn command(query: &Query, name: &str) -> Result<Vec<String>, Refusal> {
    let command: Vec<String> = query.all(name).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if command.is_empty() {
        return Err(Refusal::bad_request(format!("no command: give it as {name}=...")));
    }
    Ok(command)
}

/// A terminal has no error output apart.
fn streams(query: &Query) -> Result<WantedStreams, Refusal> {
    let wants = |name| query.get(name) == Some("1");
    let (stdin, stdout, tty) = (wants("input"), wants("output"), wants("tty"));
    let stderr = wants("error") && !tty;
    if !(stdin || stdout || stderr) {
        return Err(Refusal::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    Ok(WantedStreams { stdin, stdout, stderr, tty })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_asked_for_as_the_kubelet_is_asked() {
        let of = |text| streams(&Query::of(Some(text)));
        let all = WantedStreams { stdin: true, stdout: true, stderr: false, tty: true };
        assert_eq!(of("input=1&output=1&error=1&tty=1"), Ok(all));
        assert!(of("tty=1").is_err() && of("output=true").is_err());
    }

    #[test]
    fn words_of_a_command_may_hold_anything() {
        let query = Query::of(Some("command=sh&command=-c&command=echo+a%20%26b"));
        assert_eq!(command(&query, "command").unwrap(), ["sh", "-c", "echo a &b"]);
        assert!(command(&Query::of(None), "command").is_err());
    }

    #[test]
    fn ports_are_numbers() {
        assert_eq!(port("8080"), Ok(8080));
        assert!(port("0").is_err() && port("65536").is_err() && port("http").is_err());
    }
}
