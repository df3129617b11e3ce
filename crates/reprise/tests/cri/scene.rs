//! What cases work with: a client, and the few steps that most of them take.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reprise_cri::v1::image_service_client::ImageServiceClient;
use reprise_cri::v1::runtime_service_client::RuntimeServiceClient;
use reprise_cri::v1::*;
use reprise_cri::{CriClient, Way};
use reprise_testkit::image::TestImage;
use reprise_testkit::{CriServer, TESTLOAD_IMAGE};
use tonic::Status;

use crate::differences;
use crate::log;
use crate::requests::{ContainerParts, SandboxParts, With, image, strings, usual_namespaces};
use crate::side::Side;

/// Longer than any wait takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The last line of a [workload that reports](Scene::report).
const END: &str = "-- end --";

/// The label by which a case finds its own things on a runtime that others use too.
pub const LABEL: &str = "reprise.test/case";

pub struct Scene {
    pub client: CriClient,
    side: Side,
    case: String,
    numbers: Cell<u32>,
}

/// A sandbox that runs.
pub struct Pod {
    pub id: String,
    pub config: PodSandboxConfig,
}

impl Scene {
    pub fn new(side: Side) -> Self {
        let client = CriClient::connect(&side.socket()).unwrap();
        let case = side.scratch().file_name().unwrap().to_string_lossy().to_lowercase();
        let case = case.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        Self { client, side, case, numbers: Cell::new(0) }
    }

    /// Waits until the runtime has the images that cases use: containerd's CRI hears of an import a moment later.
    pub async fn prepare(&self) {
        let mut wanted = vec![TESTLOAD_IMAGE];
        if !self.is_ours() {
            wanted.push(reprise_testkit::containerd::PAUSE_IMAGE);
        }
        for name in wanted {
            self.wait_for_image(name).await;
        }
    }

    pub fn runtime(&self) -> RuntimeServiceClient<Way> {
        self.client.runtime()
    }

    pub fn images(&self) -> ImageServiceClient<Way> {
        self.client.images()
    }

    pub fn is_ours(&self) -> bool {
        matches!(self.side, Side::Ours(_))
    }

    /// Our runtime, in cases that only it has.
    pub fn server(&self) -> &Arc<CriServer> {
        match &self.side {
            Side::Ours(server) => server,
            Side::Containerd(..) => panic!("this case is for our runtime"),
        }
    }

    /// Whether the runtime under test is containerd, which is different in this, as the table says.
    pub fn differs(&self, id: &str) -> bool {
        assert!(differences::is_known(id), "{id} is not in the table of differences");
        !self.is_ours()
    }

    pub fn scratch(&self) -> PathBuf {
        self.side.scratch()
    }

    /// A new folder of the host for the case to share with containers.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.scratch().join("shared").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub fn subnet(&self) -> String {
        self.side.subnet()
    }

    /// Imports an image and waits until the runtime knows it.
    pub async fn import(&self, image: &TestImage, name: &str) {
        self.side.import(&image.clone().named(name));
        self.wait_for_image(name).await;
    }

    async fn wait_for_image(&self, name: &str) {
        let there = async || {
            let request = ImageStatusRequest { image: image(name), verbose: false };
            self.images().image_status(request).await.ok().and_then(|answer| answer.into_inner().image)
        };
        eventually(&format!("image {name}"), there).await;
    }

    fn number(&self) -> u32 {
        self.numbers.replace(self.numbers.get() + 1)
    }

    pub fn labels(&self, name: &str) -> HashMap<String, String> {
        HashMap::from([(LABEL.to_owned(), self.case.clone()), ("name".to_owned(), name.to_owned())])
    }

    /// The configuration of a sandbox as a kubelet would have it.
    pub fn pod_config(&self, name: &str) -> PodSandboxConfig {
        let uid = format!("{}-{}", self.case, self.number());
        let log_directory = self.scratch().join("logs").join(&uid).to_str().unwrap().to_owned();
        let metadata = PodSandboxMetadata { name: name.to_owned(), uid, namespace: self.case.clone(), attempt: 0 };
        PodSandboxConfig {
            metadata: Some(metadata),
            hostname: name.to_owned(),
            log_directory,
            labels: self.labels(name),
            ..PodSandboxConfig::default()
        }
        .with(|pod| {
            pod.linux().cgroup_parent = self.side.cgroup_parent();
            *pod.namespaces() = usual_namespaces();
        })
    }

    /// A container of the test workload that takes these steps.
    pub fn container(&self, name: &str, steps: &[&str]) -> ContainerConfig {
        ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.to_owned(), attempt: 0 }),
            image: image(TESTLOAD_IMAGE),
            args: strings(steps),
            log_path: format!("{name}_0.log"),
            labels: self.labels(name),
            ..ContainerConfig::default()
        }
        .with(|config| {
            config.resources();
            *config.namespaces() = usual_namespaces();
        })
    }

    pub async fn try_pod(&self, config: PodSandboxConfig) -> Result<Pod, Status> {
        std::fs::create_dir_all(&config.log_directory).unwrap();
        let request = RunPodSandboxRequest { config: Some(config.clone()), runtime_handler: String::new() };
        let id = self.runtime().run_pod_sandbox(request).await?.into_inner().pod_sandbox_id;
        Ok(Pod { id, config })
    }

    /// A sandbox of this configuration.
    pub async fn pod_of(&self, config: PodSandboxConfig) -> Pod {
        self.try_pod(config).await.unwrap()
    }

    /// A sandbox.
    pub async fn pod(&self) -> Pod {
        self.pod_of(self.pod_config("pod")).await
    }

    pub async fn try_create(&self, pod: &Pod, config: ContainerConfig) -> Result<String, Status> {
        let request = CreateContainerRequest {
            pod_sandbox_id: pod.id.clone(),
            config: Some(config),
            sandbox_config: Some(pod.config.clone()),
        };
        Ok(self.runtime().create_container(request).await?.into_inner().container_id)
    }

    pub async fn create(&self, pod: &Pod, config: ContainerConfig) -> String {
        self.try_create(pod, config).await.unwrap()
    }

    pub async fn try_start(&self, id: &str) -> Result<(), Status> {
        let request = StartContainerRequest { container_id: id.to_owned() };
        self.runtime().start_container(request).await.map(drop)
    }

    pub async fn start(&self, id: &str) {
        self.try_start(id).await.unwrap();
    }

    /// Creates and starts.
    pub async fn run(&self, pod: &Pod, config: ContainerConfig) -> String {
        let id = self.create(pod, config).await;
        self.start(&id).await;
        id
    }

    pub async fn stop(&self, id: &str, timeout: i64) -> Result<(), Status> {
        let request = StopContainerRequest { container_id: id.to_owned(), timeout };
        self.runtime().stop_container(request).await.map(drop)
    }

    pub async fn remove(&self, id: &str) -> Result<(), Status> {
        let request = RemoveContainerRequest { container_id: id.to_owned() };
        self.runtime().remove_container(request).await.map(drop)
    }

    pub async fn stop_pod(&self, id: &str) -> Result<(), Status> {
        let request = StopPodSandboxRequest { pod_sandbox_id: id.to_owned() };
        self.runtime().stop_pod_sandbox(request).await.map(drop)
    }

    pub async fn remove_pod(&self, id: &str) -> Result<(), Status> {
        let request = RemovePodSandboxRequest { pod_sandbox_id: id.to_owned() };
        self.runtime().remove_pod_sandbox(request).await.map(drop)
    }

    pub async fn try_status(&self, id: &str) -> Result<ContainerStatus, Status> {
        let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
        Ok(self.runtime().container_status(request).await?.into_inner().status.expect("a status"))
    }

    pub async fn status(&self, id: &str) -> ContainerStatus {
        self.try_status(id).await.unwrap()
    }

    pub async fn try_pod_status(&self, id: &str) -> Result<PodSandboxStatus, Status> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: false };
        Ok(self.runtime().pod_sandbox_status(request).await?.into_inner().status.expect("a status"))
    }

    pub async fn pod_status(&self, id: &str) -> PodSandboxStatus {
        self.try_pod_status(id).await.unwrap()
    }

    /// The Pod's address.
    pub async fn address(&self, pod: &Pod) -> String {
        self.pod_status(&pod.id).await.network.expect("a network").ip
    }

    /// Waits for the end of a container.
    pub async fn exit(&self, id: &str) -> ContainerStatus {
        let ended = async || Some(self.status(id).await).filter(|s| s.state() == ContainerState::ContainerExited);
        eventually("the container has exited", ended).await
    }

    /// Runs a container to its end.
    pub async fn run_to_end(&self, pod: &Pod, config: ContainerConfig) -> ContainerStatus {
        let id = self.run(pod, config).await;
        self.exit(&id).await
    }

    pub fn log_path(&self, pod: &Pod, config: &ContainerConfig) -> PathBuf {
        Path::new(&pod.config.log_directory).join(&config.log_path)
    }

    /// Waits until a log has a line that is this text, and returns what stdout had.
    pub async fn logged(&self, path: &Path, text: &str) -> String {
        let there = async || {
            let lines = log::read(path);
            lines.iter().any(|line| line.text == text.as_bytes()).then_some(lines)
        };
        let lines = eventually(&format!("{text:?} in {}", path.display()), there).await;
        String::from_utf8(log::joined(&lines, "stdout")).unwrap()
    }

    /// What a container prints. It must end with 0.
    pub async fn report(&self, pod: &Pod, config: ContainerConfig) -> String {
        let config = config.with(|config| config.args.extend(strings(&["print", END])));
        let path = self.log_path(pod, &config);
        let status = self.run_to_end(pod, config).await;
        let lines = || String::from_utf8_lossy(&log::joined(&log::read(&path), "stderr")).into_owned();
        assert_eq!(status.exit_code, 0, "{} {}\n{}", status.reason, status.message, lines());
        let text = self.logged(&path, END).await;
        text.strip_suffix(&format!("{END}\n")).unwrap_or(&text).to_owned()
    }

    /// What these steps print in a container of a new Pod, or of this one.
    pub async fn report_of(&self, pod: &Pod, steps: &[&str]) -> String {
        let name = format!("report-{}", self.number());
        self.report(pod, self.container(&name, steps)).await
    }

    /// Runs a command in a container.
    pub async fn try_exec(&self, id: &str, command: &[&str]) -> Result<ExecSyncResponse, Status> {
        let request = ExecSyncRequest { container_id: id.to_owned(), cmd: strings(command), timeout: 30 };
        Ok(self.runtime().exec_sync(request).await?.into_inner())
    }

    /// What steps of the workload print when they are run in a container.
    pub async fn exec(&self, id: &str, steps: &[&str]) -> String {
        let answer = self.try_exec(id, &[&["/testload"], steps].concat()).await.unwrap();
        assert_eq!(answer.exit_code, 0, "{}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8(answer.stdout).unwrap()
    }

    /// Removes all sandboxes of the case, which must go.
    pub async fn clear(&self) -> Result<(), Status> {
        if let Side::Ours(server) = &self.side {
            server.observe();
        }
        let label_selector = HashMap::from([(LABEL.to_owned(), self.case.clone())]);
        let filter = PodSandboxFilter { label_selector, ..PodSandboxFilter::default() };
        let list = self.runtime().list_pod_sandbox(ListPodSandboxRequest { filter: Some(filter) }).await?;
        for sandbox in list.into_inner().items {
            self.stop_pod(&sandbox.id).await?;
            self.remove_pod(&sandbox.id).await?;
        }
        Ok(())
    }

    /// What the runtime said, for a case that failed.
    pub fn said(&self) -> String {
        match &self.side {
            Side::Ours(server) => std::fs::read_to_string(server.log()).unwrap_or_default(),
            Side::Containerd(..) => String::new(),
        }
    }
}

/// Looks until there is something, at most for [`LIMIT`].
pub async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {LIMIT:?} until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Fails the case if this takes too long.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, what).await.expect("this should have happened by now")
}
