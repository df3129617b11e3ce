//! What a plugin needs beside its service: its socket, the registration, and both again for another agent.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use reprise_cri::socket;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Endpoint, Server, Uri};
use tower::service_fn;

use crate::client::within;
use crate::error::PluginError;
use crate::v1beta1::device_plugin_server::{DevicePlugin, DevicePluginServer};
use crate::v1beta1::registration_client::RegistrationClient;
use crate::v1beta1::{DevicePluginOptions, RegisterRequest};
use crate::{AGENT_SOCKET, VERSION};

/// How often the folder is looked at for another agent.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const REGISTER_LIMIT: Duration = Duration::from_secs(10);

/// Who a plugin is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The folder of the agent's socket, `/var/lib/kubelet/device-plugins` for a kubelet.
    pub folder: PathBuf,
    /// The file name of the plugin's own socket in it.
    pub endpoint: String,
    /// The resource that it has.
    pub resource: String,
    /// What the agent has to ask of it.
    pub options: DevicePluginOptions,
}

/// Serves `plugin` and registers it with the agent: the one that is there and each that comes. Ends with an error only.
///
/// An agent that starts removes the sockets that it finds, so both ends are made anew for it.
///
/// # Errors
/// If the plugin's socket can't be made.
pub async fn serve<P: DevicePlugin + Clone>(identity: &Identity, plugin: P) -> io::Result<()> {
    let agent_socket = identity.folder.join(AGENT_SOCKET);
    loop {
        let agent = appears(&agent_socket).await;
        let serving = listen(&identity.folder.join(&identity.endpoint), plugin.clone())?;
        tokio::select! {
            () = serving => {}
            () = stay(&agent_socket, agent, identity) => {}
        }
    }
}

/// Registers, and returns when it has to be done again.
async fn stay(agent_socket: &Path, agent: SocketId, identity: &Identity) {
    match register(agent_socket, identity).await {
        Ok(()) => {
            tracing::info!(resource = identity.resource, "registered");
            while socket_id(agent_socket).is_none_or(|id| id == agent) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        // It may be on its way up or down.
        Err(error) => {
            tracing::warn!(resource = identity.resource, %error, "can't register, trying again");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Serves `plugin` on a fresh socket.
fn listen<P: DevicePlugin>(path: &Path, plugin: P) -> io::Result<impl Future<Output = ()> + use<P>> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListenerStream::new(socket::bind(path)?);
    let server = Server::builder().add_service(DevicePluginServer::new(plugin));
    Ok(async move {
        if let Err(error) = server.serve_with_incoming(listener).await {
            tracing::warn!(%error, "the plugin's socket is no longer served");
        }
    })
}

async fn register(agent: &Path, identity: &Identity) -> Result<(), PluginError> {
    let request = RegisterRequest {
        version: VERSION.to_owned(),
        endpoint: identity.endpoint.clone(),
        resource_name: identity.resource.clone(),
        options: Some(identity.options),
    };
    let path = agent.to_owned();
    let connect = service_fn(move |_| {
        let path = path.clone();
        async move { socket::connect(&path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from(Uri::from_static("http://localhost")).connect_with_connector_lazy(connect);
    let mut client = RegistrationClient::new(channel);
    within("Register", REGISTER_LIMIT, client.register(request)).await.map(drop)
}

/// What tells one agent's socket from the next one's: an inode's number is soon used again, its times are not.
type SocketId = (u64, i64, i64);

fn socket_id(path: &Path) -> Option<SocketId> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.ctime(), found.ctime_nsec()))
}

async fn appears(path: &Path) -> SocketId {
    loop {
        match socket_id(path) {
            Some(id) => return id,
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
