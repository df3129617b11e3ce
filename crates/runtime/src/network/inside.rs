//! The sandbox's side of its network, set up by a thread that enters the namespace for that.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};

use futures::TryStreamExt;
use nix::sched::{CloneFlags, setns};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};
use tokio::sync::oneshot;

use super::subnet::Subnet;

/// The name of the Pod's link, as everywhere in Kubernetes.
const LINK: &str = "eth0";

/// Why the sandbox's side could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InsideError {
    /// The namespace can't be entered.
    #[error("enter the network namespace of process {pid}")]
    Enter {
        /// The shim.
        pid: i32,
        /// Why.
        source: std::io::Error,
    },
    /// Netlink refused.
    #[error("{operation}")]
    Netlink {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: rtnetlink::Error,
    },
    /// The link did not arrive.
    #[error("the link {0} is not in the sandbox")]
    Missing(String),
    /// The thread ended without an answer.
    #[error("the thread that sets up the network died")]
    Died,
}

/// Brings up `lo`, renames `link` to `eth0` and gives it `address` and the default route.
pub async fn configure(pid: i32, link: String, address: Ipv4Addr, subnet: Subnet) -> Result<(), InsideError> {
    let (answer, result) = oneshot::channel();
    // A thread of its own: entering a namespace changes the thread for good.
    std::thread::spawn(move || {
        // Nobody waits any more if the call was given up.
        let _ = answer.send(enter(pid, &link, address, subnet));
    });
    result.await.map_err(|_| InsideError::Died)?
}

fn enter(pid: i32, link: &str, address: Ipv4Addr, subnet: Subnet) -> Result<(), InsideError> {
    let failed = |source| InsideError::Enter { pid, source };
    let namespace = File::open(format!("/proc/{pid}/ns/net")).map_err(failed)?;
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|e| failed(e.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(failed)?;
        tokio::spawn(connection);
        set_up(&handle, link, address, subnet).await
    })
}

async fn set_up(handle: &Handle, link: &str, address: Ipv4Addr, subnet: Subnet) -> Result<(), InsideError> {
    let error = |operation| move |source| InsideError::Netlink { operation, source };
    let lo = index(handle, "lo").await?;
    let up = LinkUnspec::new_with_index(lo).up().build();
    handle.link().set(up).execute().await.map_err(error("bring up lo"))?;
    let eth0 = index(handle, link).await?;
    let up = LinkUnspec::new_with_index(eth0).name(LINK).up().build();
    handle.link().set(up).execute().await.map_err(error("bring up eth0"))?;
    let add = handle.address().add(eth0, IpAddr::V4(address), subnet.prefix());
    add.execute().await.map_err(error("give eth0 its address"))?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(subnet.gateway()).build();
    handle.route().add(route).execute().await.map_err(error("add the default route"))
}

async fn index(handle: &Handle, name: &str) -> Result<u32, InsideError> {
    let found = handle.link().get().match_name(name.to_owned()).execute().try_next().await;
    let found = found.map_err(|source| InsideError::Netlink { operation: "look for a link", source })?;
    found.map(|l| l.header.index).ok_or_else(|| InsideError::Missing(name.to_owned()))
}
