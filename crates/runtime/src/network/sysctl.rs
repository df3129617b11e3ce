//! Kernel parameters of the network.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::NetworkError;

const ROOT: &str = "/proc/sys/net";

/// Whether the kernel has IPv6.
pub fn has_ipv6() -> bool {
    Path::new(ROOT).join("ipv6").exists()
}

/// Sets the parameter `name`, such as `ipv4/ip_forward`, unless it has that value.
pub fn set(name: &str, value: &'static str) -> Result<(), NetworkError> {
    let path = Path::new(ROOT).join(name);
    if fs::read_to_string(&path).is_ok_and(|text| text.trim() == value) {
        return Ok(());
    }
    fs::write(&path, value).map_err(|source| NetworkError::Sysctl { name: format!("net/{name}"), value, source })
}

/// Makes the link `link` believe no neighbour that says it is a router: Pods could say so. In the namespace of the
/// calling thread.
pub fn believe_no_routers(link: &str) -> Result<(), NetworkError> {
    match set(&format!("ipv6/conf/{link}/accept_ra"), "0") {
        Err(NetworkError::Sysctl { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Lets the host pass on IPv6 packets, and keeps what the host itself learnt from routers: a host that forwards
/// ignores them unless told otherwise.
pub fn forward_ipv6() -> Result<(), NetworkError> {
    let forwards = fs::read_to_string(Path::new(ROOT).join("ipv6/conf/all/forwarding"));
    if forwards.is_ok_and(|text| text.trim() == "1") {
        return Ok(());
    }
    for entry in fs::read_dir(Path::new(ROOT).join("ipv6/conf")).into_iter().flatten().flatten() {
        let file = entry.path().join("accept_ra");
        if fs::read_to_string(&file).is_ok_and(|text| text.trim() == "1")
            && let Err(error) = fs::write(&file, "2")
        {
            tracing::warn!(%error, "{}: the host may lose routes that it was told of by a router", file.display());
        }
    }
    set("ipv6/conf/all/forwarding", "1")
}
