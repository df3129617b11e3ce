//! What plugins answer. They may be broken or hostile: everything is bounded, and what is used is checked.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use super::version::{SPOKEN_TEXT, Version};

/// Far more than any answer has.
pub const MAX_BYTES: usize = 1 << 20;
/// More interfaces or addresses than any Pod has.
const MAX_ITEMS: usize = 256;

/// A plugin's answer to ADD.
#[derive(Debug, Clone)]
pub struct AddResult {
    interfaces: Vec<Interface>,
    ips: Vec<Ip>,
    /// As it came, for later plugins.
    pub raw: Value,
}

/// Why an answer is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// Too long.
    #[error("its answer has more than {MAX_BYTES} bytes")]
    TooLong,
    /// Not JSON, or not of the right shape.
    #[error("its answer is no CNI result")]
    Json(#[from] serde_json::Error),
    /// Another version of the specification.
    #[error("its answer has the version {0:?}, which is none of {SPOKEN_TEXT}")]
    Version(String),
    /// Too many.
    #[error("its answer has {0} {1}, more than {MAX_ITEMS}")]
    TooMany(usize, &'static str),
    /// Not an address.
    #[error("its answer has {0:?} as an address: an IP address with a prefix is needed, such as 10.1.0.5/16")]
    Address(String),
    /// An address of an interface that is not there.
    #[error("its answer has an address of interface {0}, but only {1} interfaces")]
    Interface(usize, usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    cni_version: String,
    #[serde(default)]
    interfaces: Option<Vec<Interface>>,
    #[serde(default)]
    ips: Option<Vec<AnsweredIp>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Interface {
    name: String,
    /// The network namespace it is in; none is the host's.
    #[serde(default)]
    sandbox: String,
}

#[derive(Deserialize)]
struct AnsweredIp {
    address: String,
    #[serde(default)]
    interface: Option<usize>,
}

#[derive(Debug, Clone)]
struct Ip {
    address: IpAddr,
    interface: Option<usize>,
}

impl AddResult {
    /// Reads an answer.
    pub fn parse(bytes: &[u8]) -> Result<Self, ResultError> {
        if bytes.len() > MAX_BYTES {
            return Err(ResultError::TooLong);
        }
        Self::of(serde_json::from_slice(bytes)?)
    }

    /// Reads an answer that was kept.
    pub fn of(raw: Value) -> Result<Self, ResultError> {
        let answer = Answer::deserialize(&raw)?;
        if Version::of(&answer.cni_version).is_none() {
            return Err(ResultError::Version(answer.cni_version.chars().take(64).collect()));
        }
        let (interfaces, ips) = (answer.interfaces.unwrap_or_default(), answer.ips.unwrap_or_default());
        for (count, what) in [(interfaces.len(), "interfaces"), (ips.len(), "addresses")] {
            if count > MAX_ITEMS {
                return Err(ResultError::TooMany(count, what));
            }
        }
        let ips = ips.into_iter().map(|ip| checked(ip, interfaces.len())).collect::<Result<_, _>>()?;
        Ok(Self { interfaces, ips, raw })
    }

    /// The Pod's addresses on `link`, in the plugin's order. Addresses that no interface is named for are the Pod's.
    pub fn pod_ips(&self, link: &str) -> Vec<IpAddr> {
        let of_pod = |ip: &&Ip| ip.interface.is_none_or(|i| self.is_pods(&self.interfaces[i], link));
        let mut ips: Vec<IpAddr> = Vec::new();
        for ip in self.ips.iter().filter(of_pod) {
            if !ips.contains(&ip.address) {
                ips.push(ip.address);
            }
        }
        ips
    }

    /// Whether the answer says that `link` is in the Pod.
    pub fn has_link(&self, link: &str) -> bool {
        self.interfaces.iter().any(|interface| self.is_pods(interface, link))
    }

    fn is_pods(&self, interface: &Interface, link: &str) -> bool {
        interface.name == link && !interface.sandbox.is_empty()
    }
}

fn checked(ip: AnsweredIp, interfaces: usize) -> Result<Ip, ResultError> {
    let wrong = || ResultError::Address(ip.address.chars().take(64).collect());
    let (address, prefix) = ip.address.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
    if prefix > longest || address.is_unspecified() || address.is_multicast() {
        return Err(wrong());
    }
    match ip.interface {
        Some(i) if i >= interfaces => Err(ResultError::Interface(i, interfaces)),
        interface => Ok(Ip { address, interface }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(text: &str) -> Result<Vec<String>, String> {
        let parsed = AddResult::parse(text.as_bytes()).map_err(|e| crate::error::chain(&e))?;
        Ok(parsed.pod_ips("eth0").iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_pods_addresses_are_those_of_its_link_in_every_version() {
        let old = r#"{"cniVersion": "0.3.1", "dns": {}, "interfaces": [{"name": "cni0"}, {"name": "eth0", "sandbox": "/proc/7/ns/net"}],
            "ips": [{"version": "4", "interface": 0, "address": "10.1.0.1/16"}, {"version": "4", "interface": 1, "address": "10.1.0.5/16"},
                    {"version": "6", "interface": 1, "address": "fd00::5/64"}]}"#;
        assert_eq!(ips(old).unwrap(), ["10.1.0.5", "fd00::5"]);
        let new =
            r#"{"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.5/32", "gateway": "10.1.0.1"}], "new field": [1]}"#;
        assert_eq!(ips(new).unwrap(), ["10.1.0.5"]);
        assert_eq!(ips(r#"{"cniVersion": "1.0.0", "interfaces": null, "ips": null}"#).unwrap(), [""; 0]);
    }

    #[test]
    fn broken_answers_are_refused_with_what_is_wrong() {
        let with =
            |ips: &str| format!(r#"{{"cniVersion": "1.0.0", "interfaces": [{{"name": "eth0"}}], "ips": {ips}}}"#);
        for (text, problem) in [
            (String::new(), "its answer is no CNI result: EOF"),
            ("[]".to_owned(), "its answer is no CNI result"),
            ("{}".to_owned(), "missing field `cniVersion`"),
            (r#"{"cniVersion": "0.2.0", "ip4": {"ip": "10.1.0.5/16"}}"#.to_owned(), "version \"0.2.0\""),
            (with(r#"[{"address": "10.1.0.5"}]"#), "\"10.1.0.5\" as an address"),
            (with(r#"[{"address": "10.1.0.5/33"}]"#), "as an address"),
            (with(r#"[{"address": "0.0.0.0/0"}]"#), "as an address"),
            (with(r#"[{"address": "10.1.0.5/16", "interface": 1}]"#), "interface 1, but only 1 interfaces"),
            (with(r#"[{"address": "10.1.0.5/16", "interface": -1}]"#), "its answer is no CNI result"),
            (
                format!(
                    "{{\"cniVersion\": \"1.0.0\", \"ips\": [{}]}}",
                    vec![r#"{"address":"10.1.0.5/16"}"#; 257].join(",")
                ),
                "257 addresses",
            ),
            ("[".repeat(100_000), "recursion limit"),
            (" ".repeat(MAX_BYTES + 1), "more than 1048576 bytes"),
        ] {
            let error = ips(&text).unwrap_err();
            assert!(error.contains(problem), "{:.80}: {error}", text);
        }
    }
}
