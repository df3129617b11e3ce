//! Where plugins register: `kubelet.sock` in their folder.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Component, Path};

use reprise_core::devices::is_extended_resource_name;
use reprise_cri::socket;
use reprise_device_plugin::v1beta1::registration_server::{Registration, RegistrationServer};
use reprise_device_plugin::v1beta1::{Empty, RegisterRequest};
use reprise_device_plugin::{AGENT_SOCKET, VERSION};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::Devices;
use crate::error::NodeError;

/// Takes registrations until the task is aborted. Sockets of an earlier time are removed: plugins that see theirs gone,
/// or the agent's come, register again.
pub(crate) async fn listen(devices: &Devices) -> Result<JoinHandle<()>, NodeError> {
    let folder = &devices.shared.folder;
    let path = devices.socket();
    if socket::connect(&path).await.is_ok() {
        return Err(NodeError::DevicePluginsServed { path });
    }
    prepare(folder).map_err(NodeError::file("clear", folder))?;
    let listener = socket::bind(&path).map_err(NodeError::file("listen at", &path))?;
    let service = RegistrationServer::new(Desk { devices: devices.clone() });
    let serving = Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener));
    Ok(tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "device plugins can't register any more");
        }
    }))
}

/// Makes the folder, without sockets.
fn prepare(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o750))?;
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_socket() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

struct Desk {
    devices: Devices,
}

#[tonic::async_trait]
impl Registration for Desk {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<Empty>, Status> {
        let RegisterRequest { version, endpoint, resource_name, .. } = request.into_inner();
        let shared = &self.devices.shared;
        shared.metrics.plugin_registered(&resource_name);
        if let Err(problem) = check(&version, &endpoint, &resource_name) {
            tracing::warn!(resource = resource_name, endpoint, problem, "a device plugin is refused");
            return Err(Status::invalid_argument(problem));
        }
        tracing::info!(resource = resource_name, endpoint, "a device plugin registers");
        shared.plugins.register(&resource_name, &shared.folder.join(endpoint));
        Ok(Response::new(Empty {}))
    }
}

fn check(version: &str, endpoint: &str, resource: &str) -> Result<(), String> {
    if version != VERSION {
        return Err(format!(
            "requested API version {version:?} is not supported by kubelet. Supported versions are [{VERSION:?}]"
        ));
    }
    if !is_extended_resource_name(resource) {
        return Err(format!("the ResourceName {resource:?} is invalid"));
    }
    let mut parts = Path::new(endpoint).components();
    let is_file_name = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    if !is_file_name || endpoint == AGENT_SOCKET {
        return Err(format!("the endpoint {endpoint:?} is not the name of a socket in the device plugins' folder"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_a_plugin_is_refused_with_field_and_value() {
        let problem = |version, endpoint, resource| check(version, endpoint, resource).err();
        assert_eq!(problem(VERSION, "a.sock", "example.com/gpu"), None);
        for (version, endpoint, resource, part) in [
            ("v1", "a.sock", "example.com/gpu", "\"v1\""),
            (VERSION, "a.sock", "gpu", "\"gpu\""),
            (VERSION, "a.sock", "kubernetes.io/gpu", "\"kubernetes.io/gpu\""),
            (VERSION, "a.sock", "example.com/a b", "\"example.com/a b\""),
            (VERSION, "../a.sock", "example.com/gpu", "\"../a.sock\""),
            (VERSION, "/a.sock", "example.com/gpu", "\"/a.sock\""),
            (VERSION, AGENT_SOCKET, "example.com/gpu", "\"kubelet.sock\""),
        ] {
            let problem = problem(version, endpoint, resource);
            assert!(problem.as_ref().is_some_and(|text| text.contains(part)), "{part}: {problem:?}");
        }
    }
}
