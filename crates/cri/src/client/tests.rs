//! The client against a server of its own, over a real socket.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::Request;
use tonic::transport::Server;

use super::*;
use crate::error::CodeClass;
use crate::v1::runtime_service_server::{RuntimeService, RuntimeServiceServer};
use crate::v1::*;

/// A runtime that knows its name, lists as many containers as it is told, and nothing else.
struct Named {
    name: &'static str,
    containers: usize,
}

#[tonic::async_trait]
impl RuntimeService for Named {
    async fn version(&self, _: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse { runtime_name: self.name.into(), ..Default::default() }))
    }

    async fn container_status(
        &self,
        request: Request<ContainerStatusRequest>,
    ) -> Result<Response<ContainerStatusResponse>, Status> {
        Err(Status::not_found(format!("no container {}", request.into_inner().container_id)))
    }

    async fn list_containers(
        &self,
        _: Request<ListContainersRequest>,
    ) -> Result<Response<ListContainersResponse>, Status> {
        let container = Container { id: "c".repeat(1024), ..Default::default() };
        Ok(Response::new(ListContainersResponse { containers: vec![container; self.containers] }))
    }

    async fn exec_sync(&self, _: Request<ExecSyncRequest>) -> Result<Response<ExecSyncResponse>, Status> {
        std::future::pending().await
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    path: PathBuf,
}

impl Running {
    fn start(folder: &TempDir, runtime: Named) -> Self {
        let path = folder.path().join("cri.sock");
        let listener = socket::bind(&path).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            Server::builder()
                .add_service(RuntimeServiceServer::new(runtime).max_encoding_message_size(MAX_MESSAGE_BYTES))
                .serve_with_incoming_shutdown(UnixListenerStream::new(listener), async {
                    stopped.await.ok();
                })
                .await
                .unwrap();
        });
        Self { stop, task, path }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        std::fs::remove_file(self.path).unwrap();
    }
}

fn named(name: &'static str) -> Named {
    Named { name, containers: 0 }
}

async fn name_of(client: &CriClient) -> Result<String, CriError> {
    let mut runtime = client.runtime();
    let answer = client.call(Call::new("Version", "runtime"), runtime.version(VersionRequest::default()));
    answer.await.map(|version| version.runtime_name)
}

#[tokio::test]
async fn a_missing_container_is_the_class_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(&folder, named("first"));
    let client = CriClient::connect(&server.path).unwrap();
    let request = ContainerStatusRequest { container_id: "gone".into(), verbose: false };
    let error = client
        .call(Call::new("ContainerStatus", "gone"), client.runtime().container_status(request))
        .await
        .unwrap_err();
    assert!(error.is_not_found() && !error.is_retryable());
    assert_eq!(error.answer(), Some("no container gone"));
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_the_runtime_does_not_know_is_unimplemented() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(&folder, named("first"));
    let client = CriClient::connect(&server.path).unwrap();
    let stream = client.runtime().get_container_events(GetEventsRequest {}).await;
    let error = CriError::from_status("GetContainerEvents", "runtime", &stream.unwrap_err());
    assert!(error.is_unimplemented());
    let error = client
        .call(Call::new("PullImage", "busybox"), client.images().pull_image(PullImageRequest::default()))
        .await
        .unwrap_err();
    assert!(error.is_unimplemented(), "a service that is not there counts the same: {error:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_runtime_that_comes_later_or_is_replaced_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cri.sock");
    let client = CriClient::connect(&path).unwrap();
    let error = name_of(&client).await.unwrap_err();
    assert_eq!(error.class(), Some(CodeClass::Unavailable));
    assert!(error.answer().unwrap().contains("No such file"), "says why: {error:?}");

    for name in ["first", "second"] {
        let server = Running::start(&folder, named(name));
        // A call may still meet the old connection's end; after that one the new server answers.
        let answer = match name_of(&client).await {
            Err(error) if error.is_retryable() => name_of(&client).await,
            answer => answer,
        };
        assert_eq!(answer.unwrap(), name);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_call_without_answer_ends_at_its_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(&folder, named("first"));
    let client = CriClient::connect(&server.path).unwrap().with_timeout(Duration::from_millis(20));
    let error = client
        .call(Call::new("ExecSync", "c1"), client.runtime().exec_sync(ExecSyncRequest::default()))
        .await
        .unwrap_err();
    assert!(error.is_retryable() && matches!(error, CriError::Timeout { .. }), "{error:?}");
    let limit = Duration::from_millis(10);
    let error = client
        .call(Call::new("ExecSync", "c1").within(limit), client.runtime().exec_sync(ExecSyncRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "ExecSync c1: no answer from the runtime within 10ms");
    server.task.abort();
}

#[tokio::test]
async fn a_runtime_that_dies_during_a_call_is_the_class_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    // A runtime that takes connections and dies with the first bytes of a call.
    let path = folder.path().join("cri.sock");
    let listener = socket::bind(&path).unwrap();
    let dying = tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_exact(&mut [0; 24]).await.unwrap();
    });
    let client = CriClient::connect(&path).unwrap();
    let error = name_of(&client).await.unwrap_err();
    assert!(error.class() == Some(CodeClass::Unavailable) && error.is_retryable() && error.is_lost(), "{error:?}");
    dying.await.unwrap();
}

#[tokio::test]
async fn answers_larger_than_the_usual_grpc_limit_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(&folder, Named { name: "first", containers: 8 * 1024 });
    let client = CriClient::connect(&server.path).unwrap();
    let request = ListContainersRequest::default();
    let list = client.call(Call::new("ListContainers", "all"), client.runtime().list_containers(request)).await;
    assert_eq!(list.unwrap().containers.len(), 8 * 1024);
    server.stop().await;
}

#[tokio::test]
async fn a_path_that_no_socket_can_have_is_refused_at_once() {
    let path = std::env::temp_dir().join("n".repeat(200));
    assert!(matches!(CriClient::connect(&path), Err(CriError::Path { .. })));
}

#[tonic::async_trait]
impl ImageService for Arc<Named> {}

#[tonic::async_trait]
impl RuntimeService for Arc<Named> {
    async fn version(&self, request: Request<VersionRequest>) -> Result<Response<VersionResponse>, Status> {
        Named::version(self, request).await
    }

    async fn list_containers(
        &self,
        request: Request<ListContainersRequest>,
    ) -> Result<Response<ListContainersResponse>, Status> {
        Named::list_containers(self, request).await
    }
}

#[tokio::test]
async fn a_runtime_in_this_process_answers_as_one_at_a_socket() {
    let runtime = Arc::new(Named { name: "here", containers: 6000 });
    let client = CriClient::in_process("in memory", runtime);
    let version = client.call(Call::new("Version", ""), client.runtime().version(VersionRequest::default())).await;
    assert_eq!(version.unwrap().runtime_name, "here");
    let (mut to_runtime, mut to_images) = (client.runtime(), client.images());
    let list = to_runtime.list_containers(ListContainersRequest::default());
    assert_eq!(client.call(Call::new("ListContainers", ""), list).await.unwrap().containers.len(), 6000);
    let images = to_images.list_images(ListImagesRequest::default());
    let error = client.call(Call::new("ListImages", ""), images).await.unwrap_err();
    assert!(error.is_unimplemented() && error.to_string().contains("ListImages"), "{error}");
}
