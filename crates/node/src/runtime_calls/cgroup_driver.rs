//! Asks the runtime who makes its cgroups.

use std::collections::HashMap;

use reprise_cri::v1::{CgroupDriver as Told, RuntimeConfigRequest, StatusRequest};
use reprise_cri::{Call, CriError};
use serde_json::Value;

use super::Runtime;

/// Who makes cgroups for the runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CgroupDriver {
    /// The runtime itself: names are paths.
    #[default]
    Cgroupfs,
    /// systemd: names are slices.
    Systemd,
}

impl Runtime {
    /// The runtime's cgroup driver. Older ones have no call for it, but containerd shows its settings.
    pub(crate) async fn cgroup_driver(&self) -> Result<CgroupDriver, CriError> {
        let call = Call::new("RuntimeConfig", "");
        match self.client.call(call, self.client.runtime().runtime_config(RuntimeConfigRequest {})).await {
            Ok(answer) => {
                let systemd = answer.linux.is_none_or(|linux| linux.cgroup_driver() == Told::Systemd);
                return Ok(if systemd { CgroupDriver::Systemd } else { CgroupDriver::Cgroupfs });
            }
            Err(error) if error.is_unimplemented() => {}
            Err(error) => return Err(error),
        }
        let request = StatusRequest { verbose: true };
        let answer = self.client.call(Call::new("Status", ""), self.client.runtime().status(request)).await?;
        Ok(shown(&answer.info).unwrap_or_default())
    }
}

fn shown(info: &HashMap<String, String>) -> Option<CgroupDriver> {
    let config: Value = serde_json::from_str(info.get("config")?).ok()?;
    let containerd = config.get("containerd")?;
    let runtime = containerd.get("runtimes")?.get(containerd.get("defaultRuntimeName")?.as_str()?)?;
    let systemd = runtime.get("options")?.get("SystemdCgroup")?.as_bool()?;
    Some(if systemd { CgroupDriver::Systemd } else { CgroupDriver::Cgroupfs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_read_from_the_settings_of_the_default_runtime() {
        let of = |text: &str| shown(&HashMap::from([("config".to_owned(), text.to_owned())]));
        let settings = |value: bool| {
            format!(
                r#"{{"containerd":{{"defaultRuntimeName":"runc","runtimes":{{"runc":{{"options":{{"SystemdCgroup":{value}}}}}}}}}}}"#
            )
        };
        assert_eq!(of(&settings(true)), Some(CgroupDriver::Systemd));
        assert_eq!(of(&settings(false)), Some(CgroupDriver::Cgroupfs));
        assert_eq!((of("{}"), shown(&HashMap::new())), (None, None));
    }
}
