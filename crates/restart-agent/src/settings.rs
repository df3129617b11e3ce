//! What the Pod tells the agent: environment variables with published names, and the namespace of its service account.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a Pod's service account is, unless its credentials are mounted elsewhere.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const PROBE_PATH: &str = "/barrier-is-down";
const PROBE_PORT: u16 = 8081;
const RESTART_EXIT_CODE: u8 = 1;
/// The longest name of an object.
const NAME_MAX: usize = 253;

/// All that the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The namespace of Pod and JobSet.
    pub namespace: String,
    /// The Pod's JobSet.
    pub job_set: String,
    /// The Pod.
    pub pod: String,
    /// How the worker is held back and let go.
    pub mode: Mode,
    /// The exit code for which the Pod has a rule that restarts it in place.
    pub restart_exit_code: u8,
    /// Host name or address of the API, and its port.
    pub server: (String, u16),
    /// The folder with token and authority.
    pub service_account: PathBuf,
}

/// How the worker is held back and let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The agent is a sidecar; its startup probe, which succeeds once the barrier is lifted, holds the worker's container back.
    Sidecar {
        /// The probe's path.
        path: String,
        /// The probe's port.
        port: u16,
    },
    /// The agent is in the worker's container and runs the worker as its child.
    Main {
        /// The worker, for a shell.
        command: String,
    },
}

/// An environment that the agent can't work in.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable that must be there.
    #[error("{name} is not set: {advice}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Two modes at once.
    #[error(
        "WORKER_COMMAND and {name} are both set: the first runs the worker here, the second makes this a sidecar; remove one of them"
    )]
    BothModes {
        /// The variable of the other mode.
        name: &'static str,
    },
    /// A variable with a value that means nothing.
    #[error("{name} is {value:?}: {expected} is needed")]
    Bad {
        /// The variable.
        name: &'static str,
        /// What it says.
        value: String,
        /// What it could say.
        expected: &'static str,
    },
    /// There is no service account.
    #[error("can't read {}: does the Pod, or its service account, set automountServiceAccountToken: false?", path.display())]
    NoNamespace {
        /// The file with the namespace.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Settings {
    /// Reads variables with `variable`, where an empty one is as good as none.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let job_set = "give it the Pod's annotation jobset.sigs.k8s.io/jobset-name with a fieldRef";
        let service_account =
            PathBuf::from(given("SERVICE_ACCOUNT_FOLDER").unwrap_or_else(|| SERVICE_ACCOUNT.to_owned()));
        Ok(Self {
            job_set: object_name("JOBSET_NAME", required(&given, "JOBSET_NAME", job_set)?)?,
            pod: object_name("POD_NAME", required(&given, "POD_NAME", "give it metadata.name with a fieldRef")?)?,
            mode: mode(&given)?,
            restart_exit_code: exit_code(given("IN_PLACE_RESTART_EXIT_CODE"))?,
            server: server(&given)?,
            namespace: namespace(&service_account)?,
            service_account,
        })
    }
}

fn required(
    given: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    advice: &'static str,
) -> Result<String, SettingsError> {
    given(name).ok_or(SettingsError::Missing { name, advice })
}

fn mode(given: &impl Fn(&str) -> Option<String>) -> Result<Mode, SettingsError> {
    let (path, port) = (given("STARTUP_PROBE_PATH"), given("STARTUP_PROBE_PORT"));
    if let Some(command) = given("WORKER_COMMAND") {
        let probe = [("STARTUP_PROBE_PATH", &path), ("STARTUP_PROBE_PORT", &port)];
        return match probe.into_iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => Err(SettingsError::BothModes { name }),
            None => Ok(Mode::Main { command }),
        };
    }
    let path = path.unwrap_or_else(|| PROBE_PATH.to_owned());
    if !path.starts_with('/') {
        let expected = "a path that begins with /, as the startup probe has it,";
        return Err(SettingsError::Bad { name: "STARTUP_PROBE_PATH", value: path, expected });
    }
    Ok(Mode::Sidecar { path, port: port_of("STARTUP_PROBE_PORT", port)?.unwrap_or(PROBE_PORT) })
}

fn exit_code(text: Option<String>) -> Result<u8, SettingsError> {
    let Some(value) = text else { return Ok(RESTART_EXIT_CODE) };
    let bad = |_| SettingsError::Bad {
        name: "IN_PLACE_RESTART_EXIT_CODE",
        value: value.clone(),
        expected: "an exit code from 0 to 255",
    };
    value.parse().map_err(bad)
}

fn server(given: &impl Fn(&str) -> Option<String>) -> Result<(String, u16), SettingsError> {
    const ADVICE: &str = "a kubelet sets it for the Service kubernetes in the namespace default; is there one?";
    let host = required(given, "KUBERNETES_SERVICE_HOST", ADVICE)?;
    let port = required(given, "KUBERNETES_SERVICE_PORT", ADVICE)?;
    let port = port_of("KUBERNETES_SERVICE_PORT", Some(port))?;
    Ok((host, port.unwrap_or_default()))
}

fn port_of(name: &'static str, text: Option<String>) -> Result<Option<u16>, SettingsError> {
    let Some(value) = text else { return Ok(None) };
    match value.parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(SettingsError::Bad { name, value, expected: "a port from 1 to 65535" }),
    }
}

/// Names go into paths of URLs as they are.
fn object_name(name: &'static str, value: String) -> Result<String, SettingsError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if value.len() <= NAME_MAX && value.bytes().all(fits) {
        return Ok(value);
    }
    Err(SettingsError::Bad { name, value, expected: "the name of an object (lower case letters, digits, - and .)" })
}

fn namespace(service_account: &Path) -> Result<String, SettingsError> {
    let path = service_account.join("namespace");
    match fs::read_to_string(&path) {
        Ok(text) => object_name("the service account's namespace", text.trim().to_owned()),
        Err(source) => Err(SettingsError::NoNamespace { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("namespace"), "team\n").unwrap();
        let mut all = BTreeMap::from([
            ("JOBSET_NAME", "training"),
            ("POD_NAME", "training-workers-0-3-x2x4z"),
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("SERVICE_ACCOUNT_FOLDER", folder.path().to_str().unwrap()),
        ]);
        all.extend(changes.iter().copied());
        Settings::read(|name| all.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn a_sidecar_is_the_default_and_a_command_makes_the_main_container() {
        let plain = read(&[]).unwrap();
        assert_eq!(plain.mode, Mode::Sidecar { path: "/barrier-is-down".to_owned(), port: 8081 });
        assert_eq!((plain.namespace.as_str(), plain.restart_exit_code), ("team", 1));
        assert_eq!(plain.server, ("10.96.0.1".to_owned(), 443));
        let probe = read(&[("STARTUP_PROBE_PATH", "/up"), ("STARTUP_PROBE_PORT", "9000")]).unwrap();
        assert_eq!(probe.mode, Mode::Sidecar { path: "/up".to_owned(), port: 9000 });
        let main = read(&[("WORKER_COMMAND", "train --all"), ("IN_PLACE_RESTART_EXIT_CODE", "0")]).unwrap();
        assert_eq!((main.mode, main.restart_exit_code), (Mode::Main { command: "train --all".to_owned() }, 0));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_name() {
        for (changes, words) in [
            (&[("JOBSET_NAME", "")][..], "JOBSET_NAME is not set: give it the Pod's annotation"),
            (&[("POD_NAME", "")], "POD_NAME is not set: give it metadata.name"),
            (&[("JOBSET_NAME", "../pods")], "JOBSET_NAME is \"../pods\": the name of an object"),
            (&[("KUBERNETES_SERVICE_HOST", "")], "KUBERNETES_SERVICE_HOST is not set: a kubelet sets it"),
            (&[("KUBERNETES_SERVICE_PORT", "https")], "KUBERNETES_SERVICE_PORT is \"https\": a port"),
            (&[("STARTUP_PROBE_PORT", "0")], "STARTUP_PROBE_PORT is \"0\": a port"),
            (&[("STARTUP_PROBE_PATH", "up")], "STARTUP_PROBE_PATH is \"up\": a path"),
            (&[("IN_PLACE_RESTART_EXIT_CODE", "256")], "IN_PLACE_RESTART_EXIT_CODE is \"256\": an exit code"),
            (
                &[("WORKER_COMMAND", "x"), ("STARTUP_PROBE_PORT", "1")],
                "WORKER_COMMAND and STARTUP_PROBE_PORT are both set",
            ),
            (
                &[("WORKER_COMMAND", "x"), ("STARTUP_PROBE_PATH", "/")],
                "WORKER_COMMAND and STARTUP_PROBE_PATH are both set",
            ),
            (&[("SERVICE_ACCOUNT_FOLDER", "/none")], "can't read /none/namespace: does the Pod"),
        ] {
            let error = read(changes).unwrap_err().to_string();
            assert!(error.starts_with(words), "{changes:?}: {error}");
        }
    }
}
