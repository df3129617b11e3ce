//! The forms of names, labels, ports and addresses, each with what Kubernetes says when it is not met.
//!
//! Each function gives the list of what is wrong, empty if nothing is.

use core::net::IpAddr;

const LABEL_REGEX: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN_REGEX: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const UNDERSCORE_SUBDOMAIN_REGEX: &str = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// A message about a length, with the words of apimachinery.
pub(super) fn max_len(length: usize) -> String {
    format!("must be no more than {length} characters")
}

/// A message about a range.
pub(super) fn range(from: i64, to: i64) -> String {
    format!("must be between {from} and {to}, inclusive")
}

/// `first`, then `rest`s, and a last character that is `edge`; the whole not empty.
fn shaped(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        bytes => edge(bytes[0]) && edge(bytes[bytes.len() - 1]) && bytes.iter().all(|byte| inner(*byte)),
    }
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    shaped(text, lower, |byte| lower(byte) || byte == b'-')
}

/// RFC 1123 label, as for containers and volumes.
pub(super) fn dns_label(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push(max_len(63));
    }
    if !is_label(text) {
        if text.split('.').all(is_label) {
            problems.push("must not contain dots".to_owned());
        } else {
            problems.push(format!(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                 and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                 '{LABEL_REGEX}')"
            ));
        }
    }
    problems
}

/// RFC 1123 subdomain, as for Pods and most other objects.
pub(super) fn dns_subdomain(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 253 {
        problems.push(max_len(253));
    }
    if !text.split('.').all(is_label) {
        problems.push(format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '{SUBDOMAIN_REGEX}')"
        ));
    }
    problems
}

/// RFC 1035 label, as for services.
pub(super) fn service_label(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push(max_len(63));
    }
    if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        problems.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation \
             is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    problems
}

/// What can be a part of a path.
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let has = |part: &str| text.contains(part).then(|| format!("may not contain '{part}'"));
    ["/", "%"].into_iter().filter_map(has).collect()
}

/// A DNS search domain, where parts may start with an underscore.
pub(super) fn dns_search(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 253 {
        problems.push(max_len(253));
    }
    let part = |part: &str| {
        let part = part.strip_prefix('_').unwrap_or(part);
        shaped(part, lower, |byte| lower(byte) || byte == b'-' || byte == b'_')
    };
    if !text.split('.').all(part) {
        problems.push(format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and \
             must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '{UNDERSCORE_SUBDOMAIN_REGEX}')"
        ));
    }
    problems
}

/// The prefix that a name is generated from: a subdomain that may end with a dash.
pub(super) fn generate_name(text: &str) -> Vec<String> {
    match text.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => dns_subdomain(&format!("{rest}a")),
        _ => dns_subdomain(text),
    }
}

fn is_qualified_part(text: &str) -> bool {
    shaped(text, |byte| byte.is_ascii_alphanumeric(), |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A name with an optional subdomain before it, as for label keys.
pub(super) fn qualified_name(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (prefix, name) = match parts.as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => {
            return vec![format!(
                "a valid label key {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    let mut problems = match prefix {
        Some("") => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => dns_subdomain(prefix).into_iter().map(|problem| format!("prefix part {problem}")).collect(),
        None => Vec::new(),
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        problems.push(format!("name part {}", max_len(63)));
    }
    if !is_qualified_part(name) {
        problems.push(format!("name part {QUALIFIED}"));
    }
    problems
}

/// The value of a label.
pub fn label_value(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push(max_len(63));
    }
    if !text.is_empty() && !is_qualified_part(text) {
        problems.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
             validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    problems
}

/// The name of an environment variable, in the relaxed form that is the default since v1.32.
pub(super) fn env_name(text: &str) -> Vec<String> {
    let ok = !text.is_empty() && text.chars().all(|c| (' '..='~').contains(&c) && c != '=');
    if ok {
        return Vec::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned()]
}

/// The key of a ConfigMap or Secret.
pub(super) fn config_key(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 253 {
        problems.push(max_len(253));
    }
    let ok = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(ok) {
        problems.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    match text {
        "." => problems.push("must not be '.'".to_owned()),
        ".." => problems.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => problems.push("must not start with '..'".to_owned()),
        _ => {}
    }
    problems
}

/// The number of a port.
pub(super) fn port_number(port: i32) -> Vec<String> {
    if (1..=65535).contains(&port) { Vec::new() } else { vec![range(1, 65535)] }
}

/// The name of a port (RFC 6335).
pub(super) fn port_name(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |wrong: bool, problem: &str| {
        if wrong {
            problems.push(problem.to_owned());
        }
    };
    check(text.len() > 15, &max_len(15));
    check(
        text.is_empty() || !text.bytes().all(|byte| lower(byte) || byte == b'-'),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    check(!text.bytes().any(|byte| byte.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    check(text.contains("--"), "must not contain consecutive hyphens");
    check(text.starts_with('-') || text.ends_with('-'), "must not begin or end with a hyphen");
    problems
}

/// The name of an HTTP header.
pub(super) fn http_header(text: &str) -> Vec<String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Vec::new();
    }
    vec![
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for \
         validation is '[-A-Za-z0-9]+')"
            .to_owned(),
    ]
}

/// An IPv4 or IPv6 address.
pub(super) fn ip(text: &str) -> Vec<String> {
    if text.parse::<IpAddr>().is_ok() {
        return Vec::new();
    }
    vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()]
}

/// The number of a user or group.
pub(super) fn user_id(id: i64) -> Vec<String> {
    let max = i64::from(i32::MAX);
    if (0..=max).contains(&id) { Vec::new() } else { vec![range(0, max)] }
}

/// Parts of `[a-z0-9]([-_a-z0-9]*[a-z0-9])?` with dots or slashes between, at most 253 characters.
pub(crate) fn is_sysctl_name(text: &str) -> bool {
    let part = |part: &str| shaped(part, lower, |byte| lower(byte) || byte == b'-' || byte == b'_');
    text.len() <= 253 && text.split(['.', '/']).all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        for good in ["a", "a-b", "0", "a1"] {
            assert!(dns_label(good).is_empty() && dns_subdomain(good).is_empty(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a."] {
            assert_eq!((dns_label(bad).len(), dns_subdomain(bad).len()), (1, 1), "{bad}");
        }
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert_eq!(dns_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(dns_label(&"A".repeat(64)).len(), 2);
    }

    #[test]
    fn a_generated_name_may_end_with_a_dash() {
        assert!(generate_name("job-").is_empty());
        assert!(!generate_name("-").is_empty() && !generate_name("job--x-.").is_empty());
    }

    #[test]
    fn qualified_names_have_at_most_one_slash() {
        assert!(qualified_name("example.com/My_name.1").is_empty());
        assert_eq!(qualified_name("/x"), ["prefix part must be non-empty"]);
        assert_eq!(qualified_name("x/").len(), 2);
        assert!(qualified_name("a/b/c")[0].starts_with("a valid label key must"));
    }

    #[test]
    fn ports_env_keys_and_sysctls() {
        assert!(port_name("http-1").is_empty() && port_number(65535).is_empty());
        assert_eq!(port_name("1--").len(), 3);
        assert!(env_name("A B.c").is_empty() && !env_name("a=b").is_empty() && !env_name("\u{e4}").is_empty());
        assert!(config_key("a.b_c-D").is_empty() && !config_key("..a").is_empty());
        assert!(is_sysctl_name("net.ipv4.ip_forward") && is_sysctl_name("net/a/b") && !is_sysctl_name("net..a"));
        assert!(ip("::1").is_empty() && !ip("1.2.3").is_empty());
    }
}
