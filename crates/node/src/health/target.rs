//! Host and port that a probe or hook connects to.

use k8s_openapi::api::core::v1::ContainerPort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A number, the name of one of the container's `ports`, or a number written as text.
pub(super) fn port(port: &IntOrString, ports: &[ContainerPort]) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => match ports.iter().find(|p| p.name.as_ref() == Some(name)) {
            Some(found) => found.container_port,
            None => name.parse().map_err(|_| format!("port {name} not found"))?,
        },
    };
    numbered(number)
}

/// A port given as a number.
pub(super) fn numbered(number: i32) -> Result<u16, String> {
    u16::try_from(number).ok().filter(|n| *n > 0).ok_or_else(|| format!("invalid port number: {number}"))
}

/// `host:port`, with brackets where the host is an IPv6 address.
pub(super) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_can_be_named_and_must_be_ports() {
        let web = ContainerPort { name: Some("web".into()), container_port: 8080, ..ContainerPort::default() };
        let named = |name: &str| port(&IntOrString::String(name.into()), std::slice::from_ref(&web));
        assert_eq!(named("web"), Ok(8080));
        assert_eq!(named("81"), Ok(81));
        assert_eq!(named("db"), Err("port db not found".to_owned()));
        assert_eq!(port(&IntOrString::Int(70000), &[]), Err("invalid port number: 70000".to_owned()));
    }

    #[test]
    fn an_ipv6_address_is_bracketed() {
        assert_eq!(host_port("fd00::1", 80), "[fd00::1]:80");
        assert_eq!(host_port("10.0.0.1", 80), "10.0.0.1:80");
    }
}
