//! The calls of the agent.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use reprise_device_plugin::v1beta1::device_plugin_server::DevicePlugin;
use reprise_device_plugin::v1beta1::*;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::Flags;
use crate::devices::Devices;

/// Where containers find the device nodes, and the folders.
const NODES: &str = "/dev/sample";
const FOLDERS: &str = "/var/lib/sample";

/// The plugin's service.
#[derive(Debug, Clone)]
pub struct Sample {
    flags: Arc<Flags>,
    options: DevicePluginOptions,
    devices: Devices,
}

impl Sample {
    /// Makes the folders of all devices, if there are to be some.
    pub fn new(flags: &Flags, options: DevicePluginOptions, devices: Devices) -> Result<Self> {
        for device in &devices.follow().borrow().devices {
            if let Some(folder) = flags.state_dir.as_ref().map(|all| all.join(&device.id)) {
                fs::create_dir_all(&folder).with_context(|| format!("can't create {}", folder.display()))?;
            }
        }
        Ok(Self { flags: Arc::new(flags.clone()), options, devices })
    }

    fn for_container(&self, ids: &[String]) -> ContainerAllocateResponse {
        let mount = |folder: &PathBuf, id: &String| Mount {
            container_path: format!("{FOLDERS}/{id}"),
            host_path: folder.join(id).display().to_string(),
            read_only: false,
        };
        let node = |id: &String| DeviceSpec {
            container_path: format!("{NODES}/{id}"),
            host_path: self.flags.node.clone(),
            permissions: "rw".to_owned(),
        };
        ContainerAllocateResponse {
            envs: [("SAMPLE_DEVICES".to_owned(), ids.join(","))].into(),
            mounts: self
                .flags
                .state_dir
                .iter()
                .flat_map(|folder| ids.iter().map(move |id| mount(folder, id)))
                .collect(),
            devices: ids.iter().map(node).collect(),
            annotations: [("sample.example.com/devices".to_owned(), ids.join(","))].into(),
            cdi_devices: Vec::new(),
        }
    }
}

#[tonic::async_trait]
impl DevicePlugin for Sample {
    async fn get_device_plugin_options(&self, _: Request<Empty>) -> Result<Response<DevicePluginOptions>, Status> {
        Ok(Response::new(self.options))
    }

    async fn list_and_watch(&self, _: Request<Empty>) -> Result<Response<BoxStream<ListAndWatchResponse>>, Status> {
        Ok(Response::new(Box::pin(WatchStream::new(self.devices.follow()).map(Ok))))
    }

    async fn get_preferred_allocation(
        &self,
        request: Request<PreferredAllocationRequest>,
    ) -> Result<Response<PreferredAllocationResponse>, Status> {
        let choose = |wanted: ContainerPreferredAllocationRequest| {
            let size = usize::try_from(wanted.allocation_size).unwrap_or(0);
            let mut rest = wanted.available_device_ids;
            rest.retain(|id| !wanted.must_include_device_ids.contains(id));
            rest.sort_by(|a, b| b.cmp(a));
            let mut device_ids = wanted.must_include_device_ids;
            device_ids.extend(rest);
            device_ids.truncate(size);
            ContainerPreferredAllocationResponse { device_ids }
        };
        let container_responses = request.into_inner().container_requests.into_iter().map(choose).collect();
        Ok(Response::new(PreferredAllocationResponse { container_responses }))
    }

    async fn allocate(&self, request: Request<AllocateRequest>) -> Result<Response<AllocateResponse>, Status> {
        let containers = request.into_inner().container_requests;
        let container_responses = containers.iter().map(|wanted| self.for_container(&wanted.device_ids)).collect();
        Ok(Response::new(AllocateResponse { container_responses }))
    }

    async fn pre_start_container(
        &self,
        request: Request<PreStartContainerRequest>,
    ) -> Result<Response<PreStartContainerResponse>, Status> {
        let ids = request.into_inner().device_ids.join(",");
        if let Some(path) = &self.flags.pre_start_file {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let written = file.and_then(|mut file| writeln!(file, "{ids}"));
            written.map_err(|error| Status::internal(format!("can't write {}: {error}", path.display())))?;
        }
        Ok(Response::new(PreStartContainerResponse {}))
    }
}
