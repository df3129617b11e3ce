//! `reprise cri`: the container runtime alone, for kubelets, `crictl` and other CRI clients.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use reprise_runtime::{CniConfig, RuntimeConfig};

use crate::cli::CriArgs;
use crate::failure::BadInput;
use crate::interrupt::Interrupts;
use crate::settings::Settings;

/// Serves CRI until SIGTERM or Ctrl-C.
pub async fn run(args: CriArgs, settings: &Settings) -> Result<ExitCode> {
    settings.require_embedded("reprise cri", "it serves the runtime in this program")?;
    settings.check_runtime()?;
    let socket = socket(&args.listen)?;
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    }
    let mut interrupts = Interrupts::listen()?;
    let config = RuntimeConfig {
        socket: socket.clone(),
        streaming: args.streaming_address,
        cni: cni(&args),
        ..settings.embedded()
    };
    let runtime = reprise_runtime::serve(config).await.context("the container runtime can't start")?;
    runtime.warnings().iter().for_each(|warning| eprintln!("Warning: {warning}"));
    settings.remember()?;
    eprintln!("serving CRI v1 at unix://{}", socket.display());
    interrupts.next().await;
    let running = runtime.sandboxes();
    runtime.shutdown().await;
    if running > 0 {
        let folder = settings.data_dir.display();
        eprintln!("{running} sandboxes go on without the runtime; the next one with --data-dir {folder} takes them up");
    }
    Ok(ExitCode::SUCCESS)
}

/// Where CNI's configuration and plugins are, if they are to be used.
fn cni(args: &CriArgs) -> Option<CniConfig> {
    let usual = CniConfig::default();
    let bin_dirs = if args.cni_bin_dir.is_empty() { usual.bin_dirs.clone() } else { args.cni_bin_dir.clone() };
    args.cni_conf_dir.clone().map(|conf_dir| CniConfig { conf_dir, bin_dirs, ..usual })
}

/// The path in an address such as `unix:///run/reprise/cri.sock`.
fn socket(address: &str) -> Result<PathBuf> {
    let path = Path::new(address.strip_prefix("unix://").unwrap_or(address));
    let usable = path.is_absolute() && path.file_name().is_some() && !address.ends_with('/');
    if usable {
        return Ok(path.to_owned());
    }
    let form = "an absolute path is needed, as in unix:///run/reprise/cri.sock";
    Err(BadInput::new(format!("--listen {address}: {form}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_absolute_paths_with_or_without_a_scheme() {
        assert_eq!(socket("unix:///run/a.sock").unwrap(), Path::new("/run/a.sock"));
        assert_eq!(socket("/run/a.sock").unwrap(), Path::new("/run/a.sock"));
        for wrong in ["unix://run/a.sock", "tcp://127.0.0.1:1", "a.sock", "", "unix:///", "/run/"] {
            assert!(socket(wrong).is_err(), "{wrong:?} was taken");
        }
    }
}
