//! `$(VAR)` expansion as Kubernetes does it in `command`, `args` and `env`.
//!
//! `$(NAME)` becomes the variable's value or stays as it is when there is none; `$$` becomes `$`, so that `$$(NAME)`
//! stays `$(NAME)`; everything else, an unclosed `$(` included, is left alone.

/// Expands `text` with the variables that `value_of` knows.
pub(crate) fn expand(text: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        rest = operator(rest, &mut expanded, &value_of);
    }
    expanded.push_str(rest);
    expanded
}

/// Handles what follows a `$` and returns the text after it.
fn operator<'t>(after: &'t str, expanded: &mut String, value_of: &impl Fn(&str) -> Option<String>) -> &'t str {
    if let Some(rest) = after.strip_prefix('$') {
        expanded.push('$');
        return rest;
    }
    let Some((name, rest)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) else {
        expanded.push('$');
        return match after.chars().next() {
            // The character after a lone `$` is taken with it, so that it can't begin anything itself.
            Some(c) => {
                expanded.push(c);
                &after[c.len_utf8()..]
            }
            None => after,
        };
    };
    match value_of(name) {
        Some(value) => expanded.push_str(&value),
        None => {
            expanded.push_str("$(");
            expanded.push_str(name);
            expanded.push(')');
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_vars(text: &str) -> String {
        expand(text, |name| match name {
            "VAR_A" => Some("A".to_owned()),
            "VAR_B" => Some("B".to_owned()),
            "VAR_REF" => Some("$(VAR_A)".to_owned()),
            "VAR_EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn expansion_follows_kubernetes_in_every_corner() {
        let cases = [
            ("$(VAR_A)", "A"),
            ("___$(VAR_B)___", "___B___"),
            ("$(VAR_A)-$(VAR_B)", "A-B"),
            ("$(VAR_REF)", "$(VAR_A)"),
            ("$$(VAR_A)", "$(VAR_A)"),
            ("$$$(VAR_A)", "$A"),
            ("$$$$(VAR_A)", "$$(VAR_A)"),
            ("$$$$$(VAR_A)", "$$A"),
            ("f000-$(VAR_EMPTY)", "f000-"),
            ("$(MISSING)", "$(MISSING)"),
            ("$(VAR_A", "$(VAR_A"),
            ("$VAR_A", "$VAR_A"),
            ("$", "$"),
            ("a$", "a$"),
            ("$((VAR_A))", "$((VAR_A))"),
            ("$()", "$()"),
            ("\n$(VAR_A)ö$ö", "\nAö$ö"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(with_vars(text), expected, "{text:?}");
        }
    }
}
