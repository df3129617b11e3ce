//! The checks of probes and lifecycle hooks, and of what both of them do.

use k8s_openapi::api::core::v1::{
    ExecAction, GRPCAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe, SleepAction, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::format;
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};

/// Which probe of a container; each has rules of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeKind {
    Liveness,
    Readiness,
    Startup,
}

/// `grace`: the Pod's `terminationGracePeriodSeconds`.
pub(super) fn check_probe(
    probe: Option<&Probe>,
    kind: ProbeKind,
    grace: Option<i64>,
    path: &FieldPath,
    report: &mut Report,
) {
    let Some(probe) = probe else { return };
    check_handler(Handler::of_probe(probe), grace, path, report);
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (name, number) in numbers {
        if let Some(number) = number.filter(|number| *number < 0) {
            report.invalid(path.child(name), number, "must be greater than or equal to 0");
        }
    }
    let own_grace = probe.termination_grace_period_seconds;
    let grace_path = || path.child("terminationGracePeriodSeconds");
    if let Some(seconds) = own_grace.filter(|seconds| *seconds <= 0) {
        report.invalid(grace_path(), seconds, "must be greater than 0");
    }
    match (kind, own_grace, probe.success_threshold.unwrap_or_default()) {
        (ProbeKind::Readiness, Some(seconds), _) => {
            report.invalid(grace_path(), seconds, "must not be set for readinessProbes");
        }
        (ProbeKind::Readiness, None, _) | (_, _, 1) => {}
        (_, _, threshold) => report.invalid(path.child("successThreshold"), threshold, "must be 1"),
    }
}

pub(super) fn check_lifecycle(lifecycle: &Lifecycle, grace: Option<i64>, path: &FieldPath, report: &mut Report) {
    for (name, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        if let Some(handler) = handler {
            check_handler(Handler::of_lifecycle(handler), grace, &path.child(name), report);
        }
    }
}

/// What a probe or a hook does.
#[derive(Default)]
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

impl<'a> Handler<'a> {
    fn of_probe(probe: &'a Probe) -> Self {
        Self {
            exec: probe.exec.as_ref(),
            http_get: probe.http_get.as_ref(),
            tcp_socket: probe.tcp_socket.as_ref(),
            grpc: probe.grpc.as_ref(),
            sleep: None,
        }
    }

    fn of_lifecycle(handler: &'a LifecycleHandler) -> Self {
        Self {
            exec: handler.exec.as_ref(),
            http_get: handler.http_get.as_ref(),
            tcp_socket: handler.tcp_socket.as_ref(),
            grpc: None,
            sleep: handler.sleep.as_ref(),
        }
    }
}

fn check_handler(handler: Handler<'_>, grace: Option<i64>, path: &FieldPath, report: &mut Report) {
    let mut handlers = 0;
    // The first one is checked, any other is one too many.
    let mut first = |name: &str, report: &mut Report| {
        handlers += 1;
        if handlers > 1 {
            report.forbidden(path.child(name), "may not specify more than 1 handler type");
        }
        handlers == 1
    };
    if let Some(exec) = handler.exec
        && first("exec", report)
        && list(&exec.command).is_empty()
    {
        report.required(path.child("exec").child("command"), "");
    }
    if let Some(http) = handler.http_get
        && first("httpGet", report)
    {
        check_http(http, &path.child("httpGet"), report);
    }
    if let Some(tcp) = handler.tcp_socket
        && first("tcpSocket", report)
    {
        check_port(&tcp.port, &path.child("tcpSocket").child("port"), report);
    }
    if let Some(grpc) = handler.grpc
        && first("grpc", report)
    {
        check_port(&IntOrString::Int(grpc.port), &path.child("grpc").child("port"), report);
    }
    if let Some(sleep) = handler.sleep
        && first("sleep", report)
    {
        check_sleep(sleep, grace, path.child("sleep"), report);
    }
    if handlers == 0 {
        report.required(path.clone(), "must specify a handler type");
    }
}

fn check_http(http: &HTTPGetAction, path: &FieldPath, report: &mut Report) {
    if text(&http.path).is_empty() {
        report.required(path.child("path"), "");
    }
    check_port(&http.port, &path.child("port"), report);
    let scheme = text(&http.scheme);
    if !["HTTP", "HTTPS"].contains(&scheme) {
        report.not_supported(path.child("scheme"), scheme, &["HTTP", "HTTPS"]);
    }
    for header in list(&http.http_headers) {
        report.invalid_each(&path.child("httpHeaders"), &header.name, format::http_header(&header.name));
    }
}

fn check_port(port: &IntOrString, path: &FieldPath, report: &mut Report) {
    match port {
        IntOrString::Int(number) => {
            for problem in format::port_number(*number) {
                report.invalid(path.clone(), *number, &problem);
            }
        }
        IntOrString::String(name) => report.invalid_each(path, name, format::port_name(name)),
    }
}

fn check_sleep(sleep: &SleepAction, grace: Option<i64>, path: FieldPath, report: &mut Report) {
    if let Some(grace) = grace.filter(|grace| !(0..=*grace).contains(&sleep.seconds)) {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        report.invalid(path, sleep.seconds, &detail);
    }
}
