//! Before each start of a container, plugins that want it prepare its devices.

use super::Devices;

impl Devices {
    /// Has the devices of a container prepared. The error is for the container's status.
    pub(crate) async fn prepare_start(&self, uid: &str, container: &str) -> Result<(), String> {
        for (resource, grant) in self.of_container(uid, container) {
            let answer = self.shared.plugins.pre_start(&resource, &grant.devices, grant.pre_start_required).await;
            answer.map_err(|error| format!("device plugin PreStartContainer rpc failed with err: {error}"))?;
        }
        Ok(())
    }
}
