//! A device plugin to start from, and to try a node with: so many devices, each of them `/dev/null` under another name.
//!
//! A container that gets `dev-0` and `dev-2` has the nodes `/dev/sample/dev-0` and `/dev/sample/dev-2`, the variable
//! `SAMPLE_DEVICES=dev-0,dev-2` and, with `--state-dir`, the folder of each at `/var/lib/sample/<id>`. Lines in
//! `--unhealthy-file` name the devices that are out of order now.

mod devices;
mod service;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use reprise_device_plugin::host::{self, Identity};
use reprise_device_plugin::v1beta1::DevicePluginOptions;

use devices::Devices;
use service::Sample;

/// A sample device plugin.
#[derive(Debug, Clone, Parser)]
struct Flags {
    /// Folder of the agent's kubelet.sock
    #[arg(long, default_value = "/var/lib/reprise/device-plugins", value_name = "DIR")]
    device_plugin_dir: PathBuf,
    /// What Pods ask for
    #[arg(long, default_value = "example.com/sample", value_name = "NAME")]
    resource: String,
    /// How many devices there are
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    devices: usize,
    /// The node of the host that stands for each device
    #[arg(long, default_value = "/dev/null", value_name = "PATH")]
    node: String,
    /// Folder with one folder for each device, mounted into containers
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// File with the ids of devices that are out of order, one a line; looked at all the time
    #[arg(long, value_name = "FILE")]
    unhealthy_file: Option<PathBuf>,
    /// File to which each preparation of devices for a start adds a line. Without it, none is asked for
    #[arg(long, value_name = "FILE")]
    pre_start_file: Option<PathBuf>,
    /// Give the devices with the highest numbers first
    #[arg(long)]
    prefer_last: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let flags = Flags::parse();
    let identity = Identity {
        folder: flags.device_plugin_dir.clone(),
        // Resources have slashes, file names have not.
        endpoint: format!("{}.sock", flags.resource.replace('/', "-")),
        resource: flags.resource.clone(),
        options: DevicePluginOptions {
            pre_start_required: flags.pre_start_file.is_some(),
            get_preferred_allocation_available: flags.prefer_last,
        },
    };
    let devices = Devices::watch(flags.devices, flags.unhealthy_file.clone());
    let sample = Sample::new(&flags, identity.options, devices)?;
    let socket = identity.folder.join(&identity.endpoint);
    host::serve(&identity, sample).await.with_context(|| format!("can't serve {}", socket.display()))
}
