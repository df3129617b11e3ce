//! What a container's program does, told by its image and command.

use std::time::Duration;

use reprise_cri::v1::ContainerConfig;

/// What stands for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// It ends by itself.
    Ends {
        /// After this time.
        after: Duration,
        /// With this code.
        code: i32,
    },
    /// It runs until it is stopped, or a fault script has it fail.
    Works,
    /// It is the restart agent of its Pod.
    Agent(AgentSettings),
}

/// What the environment tells a restart agent. The namespace it has from its service account, a hollow one from the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentSettings {
    /// `JOBSET_NAME`
    pub job_set: String,
    /// `POD_NAME`
    pub pod: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// `IN_PLACE_RESTART_EXIT_CODE`
    pub restart_code: i32,
    /// `WORKER_COMMAND` is set: the agent runs the worker itself.
    pub runs_worker: bool,
    /// `STARTUP_PROBE_PATH`
    pub probe_path: String,
    /// `STARTUP_PROBE_PORT`
    pub probe_port: u16,
}

/// How the image of restart agents is called, whatever its registry and tag.
const AGENT_IMAGE: &str = "restart-agent";
/// What a program without arguments that ends at once takes.
const AT_ONCE: Duration = Duration::from_millis(1);

impl Program {
    /// `true`, `false` and `sleep SECONDS` are what they are called; an image that is called `restart-agent` is one, if its environment
    /// says of which Pod; all else works until it is stopped.
    pub(super) fn of(config: &ContainerConfig) -> Self {
        let image = config.image.as_ref().map(|image| image.user_specified_image.as_str()).unwrap_or_default();
        if let Some(settings) = last_part(image).ends_with(AGENT_IMAGE).then(|| AgentSettings::of(config)).flatten() {
            return Self::Agent(settings);
        }
        let mut words = config.command.iter().chain(&config.args).map(String::as_str);
        let name = words.next().map(|program| program.rsplit('/').next().unwrap_or_default());
        match (name, words.next().and_then(|seconds| seconds.parse::<f64>().ok())) {
            (Some("true"), _) => Self::Ends { after: AT_ONCE, code: 0 },
            (Some("false"), _) => Self::Ends { after: AT_ONCE, code: 1 },
            (Some("sleep"), Some(seconds)) => match Duration::try_from_secs_f64(seconds) {
                Ok(after) => Self::Ends { after, code: 0 },
                Err(_) => Self::Works,
            },
            _ => Self::Works,
        }
    }

    /// Whether it counts as a worker from its start on.
    pub(super) fn is_worker(&self) -> bool {
        matches!(self, Self::Works)
    }
}

impl AgentSettings {
    fn of(config: &ContainerConfig) -> Option<Self> {
        let variable = |name: &str| {
            let found = config.envs.iter().rev().find(|variable| variable.key == name);
            let value = found.map(|variable| String::from_utf8_lossy(&variable.value).into_owned());
            value.filter(|value| !value.is_empty())
        };
        Some(Self {
            job_set: variable("JOBSET_NAME")?,
            pod: variable("POD_NAME")?,
            namespace: config.labels.get("io.kubernetes.pod.namespace").cloned().unwrap_or_default(),
            restart_code: variable("IN_PLACE_RESTART_EXIT_CODE").and_then(|code| code.parse().ok()).unwrap_or(1),
            runs_worker: variable("WORKER_COMMAND").is_some(),
            probe_path: variable("STARTUP_PROBE_PATH").unwrap_or_else(|| "/barrier-is-down".to_owned()),
            probe_port: variable("STARTUP_PROBE_PORT").and_then(|port| port.parse().ok()).unwrap_or(8081),
        })
    }
}

/// Of `registry.example:5000/a/b:tag@digest` that is `b`.
fn last_part(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use reprise_cri::v1::{ImageSpec, KeyValue};

    use super::*;

    fn config(image: &str, command: &[&str], envs: &[(&str, &str)]) -> ContainerConfig {
        let variable = |(key, value): &(&str, &str)| KeyValue { key: (*key).into(), value: (*value).into() };
        ContainerConfig {
            image: Some(ImageSpec { user_specified_image: image.to_owned(), ..ImageSpec::default() }),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            envs: envs.iter().map(variable).collect(),
            labels: [("io.kubernetes.pod.namespace".to_owned(), "n".to_owned())].into(),
            ..ContainerConfig::default()
        }
    }

    #[test]
    fn a_few_programs_end_and_all_others_work() {
        let of = |command: &[&str]| Program::of(&config("busybox", command, &[]));
        assert_eq!(of(&["/bin/true"]), Program::Ends { after: AT_ONCE, code: 0 });
        assert_eq!(of(&["false"]), Program::Ends { after: AT_ONCE, code: 1 });
        assert_eq!(of(&["sleep", "1.5"]), Program::Ends { after: Duration::from_millis(1500), code: 0 });
        for works in [&["sleep", "infinity"] as &[&str], &["sleep"], &["python", "train.py"], &[]] {
            assert_eq!(of(works), Program::Works, "{works:?}");
        }
    }

    #[test]
    fn an_agent_is_known_by_its_image_and_its_environment() {
        let known = [("JOBSET_NAME", "j"), ("POD_NAME", "p"), ("IN_PLACE_RESTART_EXIT_CODE", "88")];
        let Program::Agent(settings) = Program::of(&config("r.example:5000/x/restart-agent:1", &[], &known)) else {
            panic!("no agent");
        };
        assert_eq!((settings.restart_code, settings.probe_port, settings.runs_worker), (88, 8081, false));
        assert_eq!((settings.namespace.as_str(), settings.probe_path.as_str()), ("n", "/barrier-is-down"));
        assert_eq!(Program::of(&config("busybox", &[], &known)), Program::Works);
        assert_eq!(Program::of(&config("restart-agent", &[], &known[..1])), Program::Works);
    }
}
