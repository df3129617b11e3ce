//! What program a container runs, with which variables.

use reprise_cri::v1::ContainerConfig;
use reprise_images::Image;

use super::SpecError;

pub fn command(config: &ContainerConfig, image: &Image) -> Result<Vec<String>, SpecError> {
    // As in CRI: a command replaces the image's entry point and its arguments; arguments replace the latter alone.
    let (entrypoint, image_arguments) = if config.command.is_empty() {
        (image.entrypoint(), image.cmd())
    } else {
        (config.command.as_slice(), &[][..])
    };
    let arguments = if config.args.is_empty() { image_arguments } else { config.args.as_slice() };
    let command: Vec<String> = entrypoint.iter().chain(arguments).cloned().collect();
    if command.is_empty() {
        let image = config.image.as_ref().map(|i| i.image.clone()).unwrap_or_default();
        return Err(SpecError::NoCommand { image });
    }
    Ok(command)
}

/// The image's variables, then the container's; a later value replaces an earlier one.
pub fn environment(config: &ContainerConfig, image: &Image, hostname: &str) -> Vec<String> {
    const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let own = config.envs.iter().map(|e| format!("{}={}", e.key, String::from_utf8_lossy(&e.value)));
    let terminal = config.tty.then(|| "TERM=xterm".to_owned());
    let hostname = (!hostname.is_empty()).then(|| format!("HOSTNAME={hostname}"));
    let all =
        [PATH.to_owned()].into_iter().chain(hostname).chain(terminal).chain(image.env().iter().cloned()).chain(own);
    let mut result: Vec<String> = Vec::new();
    for variable in all {
        let name = |v: &str| v.split('=').next().map(str::to_owned);
        match result.iter_mut().find(|known| name(known) == name(&variable)) {
            Some(known) => *known = variable,
            None => result.push(variable),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::KeyValue;
    use serde_json::{Value, json};

    fn image(config: Value) -> Image {
        let config = json!({"architecture": "amd64", "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": []}});
        Image {
            id: reprise_images::Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap(),
            repo_tags: Vec::new(),
            repo_digests: Vec::new(),
            size: 0,
            config: serde_json::from_value(config).unwrap(),
            layers: Vec::new(),
            chain_id: None,
            pinned: false,
        }
    }

    #[test]
    fn a_command_replaces_entrypoint_and_arguments_and_arguments_only_the_latter() {
        let image = image(json!({"Entrypoint": ["/e"], "Cmd": ["a"]}));
        let run = |command: &[&str], args: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
            let config = ContainerConfig { command: own(command), args: own(args), ..ContainerConfig::default() };
            super::command(&config, &image).unwrap().join(" ")
        };
        assert_eq!(run(&[], &[]), "/e a");
        assert_eq!(run(&["/c"], &[]), "/c");
        assert_eq!(run(&[], &["b"]), "/e b");
        assert_eq!(run(&["/c"], &["b"]), "/c b");
    }

    #[test]
    fn later_variables_replace_earlier_ones_in_place() {
        let image = image(json!({"Env": ["PATH=/bin", "A=1"]}));
        let envs = vec![KeyValue { key: "A".into(), value: "2".into() }];
        let config = ContainerConfig { envs, ..ContainerConfig::default() };
        assert_eq!(environment(&config, &image, "h"), ["PATH=/bin", "HOSTNAME=h", "A=2"]);
        let on_terminal = ContainerConfig { tty: true, ..config };
        assert_eq!(environment(&on_terminal, &image, "h"), ["PATH=/bin", "HOSTNAME=h", "TERM=xterm", "A=2"]);
    }
}
