//! The checks of DNS settings and of lines for the hosts file.

use k8s_openapi::api::core::v1::{HostAlias, PodDNSConfig};

use super::{check_one_of, format};
use crate::field::{BadValue, FieldPath, Report};
use crate::unset::{list, text};

const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_CHARS: usize = 2048;
const POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

pub(super) fn check_policy(policy: &str, path: FieldPath, report: &mut Report) {
    check_one_of(policy, &POLICIES, path, report);
}

pub(super) fn check_config(config: Option<&PodDNSConfig>, policy: &str, path: &FieldPath, report: &mut Report) {
    let Some(config) = config else {
        if policy == "None" {
            report.required(path.clone(), "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let servers = list(&config.nameservers);
    let servers_path = path.child("nameservers");
    if policy == "None" && servers.is_empty() {
        report.required(servers_path, "must provide at least one DNS nameserver when `dnsPolicy` is None");
        return;
    }
    if servers.len() > MAX_NAMESERVERS {
        let detail = format!("must not have more than {MAX_NAMESERVERS} nameservers");
        report.invalid(servers_path.clone(), BadValue::json(&servers), &detail);
    }
    for (i, server) in servers.iter().enumerate() {
        report.invalid_each(&servers_path.index(i), server, format::ip(server));
    }
    check_searches(list(&config.searches), &path.child("searches"), report);
    for (i, option) in list(&config.options).iter().enumerate() {
        if text(&option.name).is_empty() {
            report.required(path.child("options").index(i), "must not be empty");
        }
    }
}

fn check_searches(searches: &[String], path: &FieldPath, report: &mut Report) {
    if searches.len() > MAX_SEARCHES {
        let detail = format!("must not have more than {MAX_SEARCHES} search paths");
        report.invalid(path.clone(), BadValue::json(&searches), &detail);
    }
    if searches.join(" ").len() > MAX_SEARCH_CHARS {
        let detail =
            format!("must not have more than {MAX_SEARCH_CHARS} characters (including spaces) in the search list");
        report.invalid(path.clone(), BadValue::json(&searches), &detail);
    }
    for (i, search) in searches.iter().enumerate().filter(|(_, search)| *search != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        report.invalid_each(&path.index(i), search, format::dns_search(search));
    }
}

pub(super) fn check_host_aliases(aliases: &[HostAlias], path: &FieldPath, report: &mut Report) {
    for (i, alias) in aliases.iter().enumerate() {
        let path = path.index(i);
        report.invalid_each(&path.child("ip"), &alias.ip, format::ip(&alias.ip));
        for (j, name) in list(&alias.hostnames).iter().enumerate() {
            report.invalid_each(&path.child("hostnames").index(j), name, format::dns_subdomain(name));
        }
    }
}
