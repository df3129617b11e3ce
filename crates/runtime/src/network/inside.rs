//! The sandbox's side of its network, set up by a thread that enters the namespace for that.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::TryStreamExt;
use futures::future::BoxFuture;
use nix::sched::{CloneFlags, setns};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};
use tokio::sync::oneshot;

use super::addresses::{PodAddresses, Subnets};
use super::links::give_address;
use super::sysctl;

/// The name of the Pod's link, as everywhere in Kubernetes.
pub const LINK: &str = "eth0";

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
    /// A kernel parameter can't be set.
    #[error("prepare the link")]
    Sysctl(#[source] Box<super::NetworkError>),
    /// The link did not arrive.
    #[error("the link {0} is not in the sandbox")]
    Missing(String),
    /// The thread ended without an answer.
    #[error("the thread that sets up the network died")]
    Died,
}

/// Brings up `lo` and `eth0`, and gives that its addresses and the default routes.
pub async fn configure(pid: i32, addresses: PodAddresses, subnets: Subnets) -> Result<(), InsideError> {
    within(pid, move |handle| {
        Box::pin(async move {
            bring_up_loopback(handle).await?;
            set_up(handle, addresses, subnets).await
        })
    })
    .await
}

/// Brings up `lo` only: the rest is for others to do.
pub async fn loopback(pid: i32) -> Result<(), InsideError> {
    within(pid, |handle| Box::pin(bring_up_loopback(handle))).await
}

/// Whether the namespace of process `pid` has the Pod's link. None if the process is gone.
pub fn has_link(pid: i32) -> Option<bool> {
    let text = fs::read_to_string(format!("/proc/{pid}/net/dev")).ok()?;
    Some(text.lines().any(|line| line.split_once(':').is_some_and(|(name, _)| name.trim() == LINK)))
}

type Work = dyn for<'h> FnOnce(&'h Handle) -> BoxFuture<'h, Result<(), InsideError>> + Send;

async fn within(
    pid: i32,
    work: impl for<'h> FnOnce(&'h Handle) -> BoxFuture<'h, Result<(), InsideError>> + Send + 'static,
) -> Result<(), InsideError> {
    let (answer, result) = oneshot::channel();
    let work: Box<Work> = Box::new(work);
    // A thread of its own: entering a namespace changes the thread for good.
    std::thread::spawn(move || {
        // Nobody waits any more if the call was given up.
        let _ = answer.send(enter(pid, work));
    });
    result.await.map_err(|_| InsideError::Died)?
}

fn enter(pid: i32, work: Box<Work>) -> Result<(), InsideError> {
    let failed = |source| InsideError::Enter { pid, source };
    let namespace = File::open(format!("/proc/{pid}/ns/net")).map_err(failed)?;
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|e| failed(e.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(failed)?;
        tokio::spawn(connection);
        work(&handle).await
    })
}

fn error(operation: &'static str) -> impl FnOnce(rtnetlink::Error) -> InsideError {
    move |source| InsideError::Netlink { operation, source }
}

async fn bring_up_loopback(handle: &Handle) -> Result<(), InsideError> {
    let lo = index(handle, "lo").await?;
    let up = LinkUnspec::new_with_index(lo).up().build();
    handle.link().set(up).execute().await.map_err(error("bring up lo"))
}

async fn set_up(handle: &Handle, addresses: PodAddresses, subnets: Subnets) -> Result<(), InsideError> {
    let refused = |e| InsideError::Sysctl(Box::new(e));
    sysctl::believe_no_routers(LINK).map_err(refused)?;
    let eth0 = index(handle, LINK).await?;
    let up = LinkUnspec::new_with_index(eth0).up().build();
    handle.link().set(up).execute().await.map_err(error("bring up eth0"))?;
    let v4 = IpAddr::V4(addresses.v4);
    give_address(handle, eth0, v4, subnets.v4.prefix()).await.map_err(error("give eth0 its address"))?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(subnets.v4.gateway()).build();
    handle.route().add(route).execute().await.map_err(error("add the default route"))?;
    let (Some(address), Some(subnet)) = (addresses.v6, subnets.v6) else { return Ok(()) };
    // The machine's default for new links may be another.
    sysctl::set(&format!("ipv6/conf/{LINK}/disable_ipv6"), "0").map_err(refused)?;
    let given = give_address(handle, eth0, IpAddr::V6(address), subnet.prefix()).await;
    given.map_err(error("give eth0 its IPv6 address"))?;
    let route = RouteMessageBuilder::<Ipv6Addr>::new().gateway(subnet.gateway()).build();
    handle.route().add(route).execute().await.map_err(error("add the default route of IPv6"))
}

async fn index(handle: &Handle, name: &str) -> Result<u32, InsideError> {
    let found = handle.link().get().match_name(name.to_owned()).execute().try_next().await;
    let found = found.map_err(error("look for a link"))?;
    found.map(|l| l.header.index).ok_or_else(|| InsideError::Missing(name.to_owned()))
}
