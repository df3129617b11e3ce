//! Who a client is and what it may do, where a cluster knows that.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::future::BoxFuture;
use hyper::Method;

use super::route::Route;

/// A client, as the cluster knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its name, such as `system:serviceaccount:default:monitor`.
    pub name: String,
    /// Its UID, if it has one.
    pub uid: String,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// What else its token says.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Says who clients are and what they may do. An error is why it can't be said now.
pub trait AccessReview: Debug + Send + Sync {
    /// Whose token this is; none if it is nobody's.
    fn identify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Identity>, String>>;

    /// Whether `who` may do `verb` with the subresource of this node.
    fn allows<'a>(
        &'a self,
        who: &'a Identity,
        verb: &'a str,
        subresource: &'a str,
    ) -> BoxFuture<'a, Result<bool, String>>;
}

/// What a request is to the cluster: a verb on the Node object, and the subresources of which one is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub verb: &'static str,
    pub subresources: &'static [&'static str],
}

impl Asked {
    /// The kubelet's subresources, the narrow one first. Whoever may only read does not run programs: that is `create`, by
    /// whichever method it is asked for.
    pub(super) fn of(method: &Method, route: &Route) -> Self {
        let subresources: &[&str] = match route {
            Route::Health => &["healthz", "proxy"],
            Route::Pods | Route::RunningPods => &["pods", "proxy"],
            Route::Configz => &["configz", "proxy"],
            Route::Metrics | Route::ResourceMetrics | Route::ContainerMetrics => &["metrics"],
            Route::Summary => &["stats"],
            Route::Logs(_) | Route::Exec(_) | Route::Attach(_) | Route::Run(_) | Route::PortForward(_) => &["proxy"],
        };
        let runs = matches!(route, Route::Exec(_) | Route::Attach(_) | Route::Run(_) | Route::PortForward(_));
        let verb = if runs || method == Method::POST { "create" } else { "get" };
        Self { verb, subresources }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_rights_are_enough_for_what_they_name_and_only_create_runs_programs() {
        let of = |path: &str| Asked::of(&Method::GET, &Route::of(&Method::GET, path).unwrap());
        assert_eq!(of("/pods"), Asked { verb: "get", subresources: &["pods", "proxy"] });
        assert_eq!(of("/metrics/cadvisor"), Asked { verb: "get", subresources: &["metrics"] });
        assert_eq!(of("/containerLogs/n/p/c"), Asked { verb: "get", subresources: &["proxy"] });
        assert_eq!(of("/exec/n/p/c"), Asked { verb: "create", subresources: &["proxy"] });
    }
}
