//! Image names: whether one is valid, and the tag that it has when it names none.

/// The tag of an image that names neither tag nor digest.
const DEFAULT_TAG: &str = "latest";
/// The longest repository name.
const MAX_NAME: usize = 255;
/// The longest tag.
const MAX_TAG: usize = 128;

/// `name` with the default tag where it names neither tag nor digest; none if it is no image name.
pub(crate) fn with_default_tag(name: &str) -> Option<String> {
    let (rest, digest) = match name.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (name, None),
    };
    let (repository, tag) = match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (rest, None),
    };
    let valid = is_repository(repository) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
    if !valid {
        return None;
    }
    Some(if tag.is_none() && digest.is_none() { format!("{name}:{DEFAULT_TAG}") } else { name.to_owned() })
}

/// The policy of a container that names none: an image that may change is pulled every time.
pub(crate) fn default_policy(name: &str) -> &'static str {
    let latest = with_default_tag(name).is_some_and(|n| n.ends_with(":latest") && !n.contains('@'));
    if latest { "Always" } else { "IfNotPresent" }
}

fn is_repository(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_NAME {
        return false;
    }
    let parts: Vec<&str> = text.split('/').collect();
    let (first, rest) = (parts[0], &parts[1..]);
    let has_domain = !rest.is_empty() && (first.contains(['.', ':']) || first == "localhost" || has_upper(first));
    (if has_domain { is_domain(first) } else { is_component(first) }) && rest.iter().all(|p| is_component(p))
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let name = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_valid = match name {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    host_valid && port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Lower-case words, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_in_words = bytes.first().copied().is_some_and(word) && bytes.last().copied().is_some_and(word);
    ends_in_words
        && bytes
            .split(|b| word(*b))
            .filter(|s| !s.is_empty())
            .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= MAX_TAG
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let is_hex = hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    algorithm.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && is_hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tag_is_added_only_where_there_is_none() {
        let digest = format!("a/b@sha256:{}", "0".repeat(64));
        let cases = [
            ("busybox", "busybox:latest"),
            ("a/b:1", "a/b:1"),
            ("localhost:5000/a", "localhost:5000/a:latest"),
            ("registry.example/a__b/c-d.e:V1.0", "registry.example/a__b/c-d.e:V1.0"),
            (digest.as_str(), digest.as_str()),
        ];
        for (name, expected) in cases {
            assert_eq!(with_default_tag(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_image_name_is_refused() {
        for name in ["", "UPPER", "a//b", "a:", "a:b:c", "a@sha256:1", "-a", "a/_b", "a b", "/a", "a/"] {
            assert_eq!(with_default_tag(name), None, "{name}");
        }
    }

    #[test]
    fn an_image_that_may_change_is_pulled_every_time() {
        assert_eq!(default_policy("a"), "Always");
        assert_eq!(default_policy("a:latest"), "Always");
        assert_eq!(default_policy("a:1"), "IfNotPresent");
    }
}
