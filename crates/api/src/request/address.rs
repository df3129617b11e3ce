//! What a path names, before it is known whether there is such a resource: authorization is asked first.

/// A path below `/api` or `/apis` that names a resource, in the API's own terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The API group; empty for the core's.
    pub group: String,
    /// The version.
    pub version: String,
    /// The resource's plural name.
    pub resource: String,
    /// The namespace; empty if the path names none.
    pub namespace: String,
    /// The object; empty if the path names all of them.
    pub name: String,
    /// The subresource; empty if none.
    pub subresource: String,
}

impl Address {
    /// Reads a path. `None` for one that names no resource, such as `/version` or `/apis/batch/v1`.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["api", version, rest @ ..] => Self::below("", version, rest),
            ["apis", group, version, rest @ ..] => Self::below(group, version, rest),
            _ => None,
        }
    }

    fn below(group: &str, version: &str, rest: &[&str]) -> Option<Self> {
        // Below a namespace everything is a resource's name, but for what namespaces themselves have.
        let (namespace, rest) = match rest {
            ["namespaces", namespace, after @ ..] if !matches!(after, [] | ["status" | "finalize"]) => {
                (*namespace, after)
            }
            ["namespaces", namespace, ..] => (*namespace, rest),
            _ => ("", rest),
        };
        let (resource, name, subresource) = match rest {
            [resource] => (*resource, "", String::new()),
            [resource, name] => (*resource, *name, String::new()),
            [resource, name, subresource @ ..] => (*resource, *name, subresource.join("/")),
            [] => return None,
        };
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource,
        })
    }
}

/// A part of a path with its percent signs resolved; what they spell wrong stays as it is.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> Option<String> {
        Address::parse(path).map(|a| {
            format!("{}/{} {} ns={} name={} sub={}", a.group, a.version, a.resource, a.namespace, a.name, a.subresource)
        })
    }

    #[test]
    fn paths_name_resources_as_kubernetes_reads_them() {
        let table = [
            ("/api/v1/pods", "/v1 pods ns= name= sub="),
            ("/api/v1/namespaces", "/v1 namespaces ns= name= sub="),
            ("/api/v1/namespaces/a", "/v1 namespaces ns=a name=a sub="),
            ("/api/v1/namespaces/a/status", "/v1 namespaces ns=a name=a sub=status"),
            ("/api/v1/namespaces/a/pods/", "/v1 pods ns=a name= sub="),
            ("/api/v1/namespaces/a/pods/p/exec", "/v1 pods ns=a name=p sub=exec"),
            ("/api/v1/namespaces/a/services/s/proxy/x/y", "/v1 services ns=a name=s sub=proxy/x/y"),
            ("/apis/batch/v1/namespaces/a/jobs/j", "batch/v1 jobs ns=a name=j sub="),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
                "rbac.authorization.k8s.io/v1 clusterroles ns= name=system:node sub=",
            ),
        ];
        for (path, expected) in table {
            assert_eq!(shown(path).as_deref(), Some(expected), "{path}");
        }
        for path in ["/", "/version/", "/api", "/api/v1", "/apis/batch", "/apis/batch/v1", "/openapi/v3"] {
            assert_eq!(shown(path), None, "{path}");
        }
    }
}
