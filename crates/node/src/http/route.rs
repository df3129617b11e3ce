//! Which request a path is.

use hyper::{Method, StatusCode};

use super::answer::Refusal;
use crate::pod_key::PodKey;

/// A request, as far as the path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Health,
    Pods,
    RunningPods,
    Metrics,
    ResourceMetrics,
    ContainerMetrics,
    Summary,
    Configz,
    Logs(Target),
    Exec(Target),
    Attach(Target),
    Run(Target),
    /// Its container is empty.
    PortForward(Target),
}

/// A container of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub pod: PodKey,
    /// Only the Pod with this UID is meant.
    pub uid: Option<String>,
    pub container: String,
}

impl Route {
    /// The request that method and path make.
    pub(super) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let route = match parts.as_slice() {
            ["healthz"] | ["healthz", "ping" | "syncloop"] => Self::Health,
            ["pods"] => Self::Pods,
            ["runningpods"] => Self::RunningPods,
            ["metrics"] => Self::Metrics,
            ["metrics", "resource"] => Self::ResourceMetrics,
            ["metrics", "cadvisor"] => Self::ContainerMetrics,
            ["stats", "summary"] => Self::Summary,
            ["configz"] => Self::Configz,
            ["containerLogs", namespace, pod, container] => Self::Logs(target(namespace, pod, None, container)),
            [verb, namespace, pod, rest @ ..] => Self::of_verb(verb, namespace, pod, rest).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        route.check_method(method).map(|()| route)
    }

    fn of_verb(verb: &str, namespace: &str, pod: &str, rest: &[&str]) -> Option<Self> {
        if verb == "portForward" {
            return match rest {
                [] => Some(Self::PortForward(target(namespace, pod, None, ""))),
                [uid] => Some(Self::PortForward(target(namespace, pod, Some(uid), ""))),
                _ => None,
            };
        }
        let target = match rest {
            [container] => target(namespace, pod, None, container),
            [uid, container] => target(namespace, pod, Some(uid), container),
            _ => return None,
        };
        match verb {
            "exec" => Some(Self::Exec(target)),
            "attach" => Some(Self::Attach(target)),
            "run" => Some(Self::Run(target)),
            _ => None,
        }
    }

    fn check_method(&self, method: &Method) -> Result<(), Refusal> {
        let (fits, wanted) = match self {
            Self::Exec(_) | Self::Attach(_) | Self::PortForward(_) => {
                (method == Method::GET || method == Method::POST, "GET or POST")
            }
            Self::Run(_) => (method == Method::POST, "POST"),
            _ => (method == Method::GET, "GET"),
        };
        if fits {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here: use {wanted}")))
    }

    /// Its name in metrics, and whether it may take as long as the client likes.
    pub(super) fn label(&self) -> (&'static str, bool) {
        match self {
            Self::Health => ("healthz", false),
            Self::Pods => ("pods", false),
            Self::RunningPods => ("runningpods", false),
            Self::Metrics => ("metrics", false),
            Self::ResourceMetrics => ("metrics/resource", false),
            Self::ContainerMetrics => ("metrics/cadvisor", false),
            Self::Summary => ("stats", false),
            Self::Configz => ("configz", false),
            Self::Logs(_) => ("containerLogs", true),
            Self::Exec(_) => ("exec", true),
            Self::Attach(_) => ("attach", true),
            Self::Run(_) => ("run", false),
            Self::PortForward(_) => ("portForward", true),
        }
    }
}

fn unknown() -> Refusal {
    Refusal::not_found("404 page not found")
}

fn target(namespace: &str, pod: &str, uid: Option<&str>, container: &str) -> Target {
    let pod = PodKey { namespace: namespace.to_owned(), name: pod.to_owned() };
    Target { pod, uid: uid.map(str::to_owned), container: container.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_kubelet_with_and_without_a_uid() {
        let get = |path| Route::of(&Method::GET, path);
        assert_eq!(get("/runningpods/"), Ok(Route::RunningPods));
        assert_eq!(get("/exec/n/p/c"), Ok(Route::Exec(target("n", "p", None, "c"))));
        assert_eq!(get("/attach/n/p/u-1/c"), Ok(Route::Attach(target("n", "p", Some("u-1"), "c"))));
        assert_eq!(get("/portForward/n/p"), Ok(Route::PortForward(target("n", "p", None, ""))));
        assert_eq!(get("/portForward/n/p/u-1"), Ok(Route::PortForward(target("n", "p", Some("u-1"), ""))));
        assert_eq!(Route::of(&Method::POST, "/run/n/p/c"), Ok(Route::Run(target("n", "p", None, "c"))));
        for path in ["/", "/exec/n/p", "/exec/n/p/u/c/x", "/portForward/n/p/u/x", "/other/n/p/c", "/metrics/other"] {
            assert_eq!(get(path).unwrap_err().status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn methods_that_would_do_nothing_are_refused() {
        for (method, path) in [(Method::POST, "/pods"), (Method::GET, "/run/n/p/c"), (Method::DELETE, "/exec/n/p/c")] {
            assert_eq!(Route::of(&method, path).unwrap_err().status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
}
