use reprise_cri::client::CriClient;
use reprise_cri::v1::*;
use reprise_runtime::{RuntimeConfig, serve};
use std::path::PathBuf;
use std::time::Instant;

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = reprise_runtime::reexec::dispatch(&args) {
        return code;
    }
    tracing_subscriber::fmt().with_env_filter("info").init();
    tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
    std::process::ExitCode::SUCCESS
}
async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from("/tmp/rtsmoke");
    std::fs::create_dir_all(&root)?;
    let config = RuntimeConfig::new(root.clone(), "rprsmoke".into(), "10.201.0.0/24".parse()?, "/reprise-smoke".into());
    let rt = serve(config).await?;
    println!("warnings {:?}", rt.warnings());
    let client = CriClient::connect(&root.join("cri.sock"))?;
    let mut runtime = client.runtime();
    let store = rt.images().clone();
    store.import(&PathBuf::from("/tmp/rtsmoke-image.tar"), None)?;
    let image = store.list()?.remove(0);
    let md = |n: &str| Some(ContainerMetadata { name: n.into(), attempt: 0 });
    let t = Instant::now();
    let sc = PodSandboxConfig {
        metadata: Some(PodSandboxMetadata { name: "p".into(), uid: "u".into(), namespace: "d".into(), attempt: 0 }),
        hostname: "hosty".into(),
        log_directory: "/tmp/rtsmoke/logs".into(),
        ..Default::default()
    };
    let sb = runtime
        .run_pod_sandbox(RunPodSandboxRequest { config: Some(sc.clone()), ..Default::default() })
        .await?
        .into_inner()
        .pod_sandbox_id;
    println!("sandbox {:?}", t.elapsed());
    for round in 0..6 {
        let mut ids = vec![];
        for (n, args) in [
            ("a", vec!["id", "caps", "hostname", "links", "mounts", "forever"]),
            ("b", vec!["forever"]),
            ("c", vec!["nosuch"]),
        ] {
            let t = Instant::now();
            let seccomp = Some(SecurityProfile {
                profile_type: security_profile::ProfileType::RuntimeDefault.into(),
                localhost_ref: String::new(),
            });
            let cfg = ContainerConfig {
                metadata: md(n),
                image: Some(ImageSpec { image: image.id.to_string(), ..Default::default() }),
                command: if n == "c" { vec!["nosuch".into()] } else { vec![] },
                args: args.iter().map(|s| s.to_string()).collect(),
                log_path: format!("{n}-{round}.log"),
                linux: Some(LinuxContainerConfig {
                    security_context: Some(LinuxContainerSecurityContext { seccomp, ..Default::default() }),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let id = runtime
                .create_container(CreateContainerRequest {
                    pod_sandbox_id: sb.clone(),
                    config: Some(cfg),
                    sandbox_config: Some(sc.clone()),
                })
                .await?
                .into_inner()
                .container_id;
            let tc = t.elapsed();
            let t = Instant::now();
            let r = runtime.start_container(StartContainerRequest { container_id: id.clone() }).await;
            println!("{n} create {tc:?} start {:?} {:?}", t.elapsed(), r.err().map(|e| e.message().to_owned()));
            ids.push(id);
        }
        if round == 0 {
            let t = Instant::now();
            let r = runtime
                .exec_sync(ExecSyncRequest {
                    container_id: ids[0].clone(),
                    cmd: vec![
                        "/testload".into(),
                        "print".into(),
                        "hi".into(),
                        "seccomp".into(),
                        "caps".into(),
                        "exit".into(),
                        "7".into(),
                    ],
                    timeout: 5,
                })
                .await;
            println!("exec {:?} {r:?}", t.elapsed());
            println!("{}", std::fs::read_to_string("/tmp/rtsmoke/logs/a-0.log").unwrap_or_default());
        }
        let t = Instant::now();
        for id in &ids {
            runtime.stop_container(StopContainerRequest { container_id: id.clone(), timeout: 0 }).await?;
        }
        println!("stop all {:?}", t.elapsed());
        for id in &ids {
            let s = runtime
                .container_status(ContainerStatusRequest { container_id: id.clone(), verbose: false })
                .await?
                .into_inner()
                .status
                .unwrap();
            println!("   {} {} {} {}", s.exit_code, s.reason, s.message, s.started_at);
        }
        let t = Instant::now();
        for id in &ids {
            runtime.remove_container(RemoveContainerRequest { container_id: id.clone() }).await?;
        }
        println!("remove all {:?}", t.elapsed());
    }
    let t = Instant::now();
    runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id: sb }).await?;
    println!("remove sandbox {:?}", t.elapsed());
    rt.shutdown().await;
    Ok(())
}
