//! The checks of container ports, and of host ports that collide.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerPort};

use super::format;
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) fn check(ports: &[ContainerPort], path: &FieldPath, report: &mut Report) {
    let mut names = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = path.index(i);
        let name = text(&port.name);
        if !name.is_empty() {
            let problems = format::port_name(name);
            if !problems.is_empty() {
                report.invalid_each(&path.child("name"), name, problems);
            } else if !names.insert(name) {
                report.duplicate(path.child("name"), name);
            }
        }
        check_number(port.container_port, true, path.child("containerPort"), report);
        check_number(port.host_port.unwrap_or_default(), false, path.child("hostPort"), report);
        match text(&port.protocol) {
            "" => report.required(path.child("protocol"), ""),
            protocol if !PROTOCOLS.contains(&protocol) => {
                report.not_supported(path.child("protocol"), protocol, &PROTOCOLS);
            }
            _ => {}
        }
    }
}

fn check_number(port: i32, required: bool, path: FieldPath, report: &mut Report) {
    match port {
        0 if required => report.required(path, ""),
        0 => {}
        port => {
            for problem in format::port_number(port) {
                report.invalid(path.clone(), port, &problem);
            }
        }
    }
}

/// A protocol, address and port of the host can be given out once. `containers` with their paths.
pub(super) fn check_host_ports<'a>(containers: impl Iterator<Item = (FieldPath, &'a Container)>, report: &mut Report) {
    let mut taken = BTreeSet::new();
    for (path, container) in containers {
        for (i, port) in list(&container.ports).iter().enumerate() {
            let number = port.host_port.unwrap_or_default();
            if number == 0 {
                continue;
            }
            let key = format!("{}/{}/{number}", text(&port.protocol), text(&port.host_ip));
            if taken.contains(&key) {
                report.duplicate(path.child("ports").index(i).child("hostPort"), &key);
            }
            taken.insert(key);
        }
    }
}

/// On the host's network a container's port is the host's port.
pub(super) fn check_host_network(containers: &[Container], path: &FieldPath, report: &mut Report) {
    for (c, container) in containers.iter().enumerate() {
        for (p, port) in list(&container.ports).iter().enumerate() {
            let host_port = port.host_port.unwrap_or_default();
            if host_port != port.container_port {
                let path = path.index(c).child("ports").index(p).child("hostPort");
                report.invalid(path, host_port, "must match `containerPort` when `hostNetwork` is true");
            }
        }
    }
}
