//! CRI's image calls.

use std::sync::Arc;

use reprise_cri::v1::image_service_server::ImageService;
use reprise_cri::v1::{
    FilesystemIdentifier, FilesystemUsage, ImageFilter, ImageFsInfoRequest, ImageFsInfoResponse, ImageSpec,
    ImageStatusRequest, ImageStatusResponse, ListImagesRequest, ListImagesResponse, PullImageRequest,
    PullImageResponse, RemoveImageRequest, RemoveImageResponse, StreamImagesRequest, StreamImagesResponse, UInt64Value,
};
use reprise_images::{Error as ImageError, Image, ImageStore};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::answer;
use super::engine::{Engine, now};
use super::failure::Failure;
use super::folder_usage::FolderUsage;
use super::pull_login::logins;

/// Images in one message of a streamed list, far below the bound for messages.
const AT_ONCE: usize = 100;

/// The image service.
pub struct ImageCalls {
    engine: Arc<Engine>,
    containers: Arc<FolderUsage>,
}

impl ImageCalls {
    pub fn new(engine: Arc<Engine>) -> Self {
        let containers = Arc::new(FolderUsage::new(engine.layout.containers()));
        Self { engine, containers }
    }

    /// The images that a filter wants: one, or all if it names none.
    async fn wanted(&self, filter: Option<ImageFilter>) -> Result<Vec<Image>, Status> {
        let name = filter.and_then(|filter| filter.image).map(|spec| spec.image).filter(|name| !name.is_empty());
        self.in_store(move |store| match name {
            Some(name) => Ok(store.resolve(&name)?.into_iter().collect()),
            None => store.list(),
        })
        .await
    }

    /// Runs file operations where they hold nobody up.
    async fn in_store<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&ImageStore) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, Status> {
        let store = self.engine.images.clone();
        let done = tokio::task::spawn_blocking(move || operation(&store)).await;
        Ok(done.map_err(|e| Status::internal(e.to_string()))?.map_err(Failure::from)?)
    }
}

fn named(spec: Option<ImageSpec>) -> Result<String, Failure> {
    spec.map(|s| s.image).filter(|name| !name.is_empty()).ok_or(Failure::Missing("image"))
}

#[tonic::async_trait]
impl ImageService for ImageCalls {
    async fn list_images(&self, request: Request<ListImagesRequest>) -> Result<Response<ListImagesResponse>, Status> {
        let images = self.wanted(request.into_inner().filter).await?;
        Ok(Response::new(ListImagesResponse { images: images.iter().map(answer::image).collect() }))
    }

    async fn stream_images(
        &self,
        request: Request<StreamImagesRequest>,
    ) -> Result<Response<BoxStream<StreamImagesResponse>>, Status> {
        let images = self.wanted(request.into_inner().filter).await?;
        let chunks: Vec<_> = images
            .chunks(AT_ONCE)
            .map(|chunk| Ok(StreamImagesResponse { images: chunk.iter().map(answer::image).collect() }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn image_status(
        &self,
        request: Request<ImageStatusRequest>,
    ) -> Result<Response<ImageStatusResponse>, Status> {
        let request = request.into_inner();
        let name = named(request.image)?;
        let image = self.in_store(move |store| store.resolve(&name)).await?;
        let info = image.as_ref().filter(|_| request.verbose).map(answer::image_info).unwrap_or_default();
        Ok(Response::new(ImageStatusResponse { image: image.as_ref().map(answer::image), info }))
    }

    async fn pull_image(&self, request: Request<PullImageRequest>) -> Result<Response<PullImageResponse>, Status> {
        let request = request.into_inner();
        let name = named(request.image)?;
        let logins = logins(request.auth, &name)?;
        let image = self.engine.images.pull(&name, &logins, &()).await.map_err(Failure::from)?;
        Ok(Response::new(PullImageResponse { image_ref: image.id.to_string() }))
    }

    /// The image goes with all its names, whichever of them is given. Containers keep what they run on.
    async fn remove_image(
        &self,
        request: Request<RemoveImageRequest>,
    ) -> Result<Response<RemoveImageResponse>, Status> {
        let name = named(request.into_inner().image)?;
        self.in_store(move |store| {
            let Some(image) = store.resolve(&name)? else { return Ok(()) };
            match store.remove(image.id.as_str()) {
                // Gone is what was asked for.
                Ok(_) | Err(ImageError::NotStored { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await?;
        Ok(Response::new(RemoveImageResponse {}))
    }

    async fn image_fs_info(&self, _: Request<ImageFsInfoRequest>) -> Result<Response<ImageFsInfoResponse>, Status> {
        let images = self.in_store(ImageStore::usage).await?;
        let containers = Arc::clone(&self.containers);
        let written = tokio::task::spawn_blocking(move || containers.get()).await;
        let (bytes, inodes, measured_at) = written.map_err(|e| Status::internal(e.to_string()))?;
        let of_images = usage(self.engine.images.dir(), now(), images.bytes, images.inodes);
        let of_containers = usage(&self.engine.layout.containers(), measured_at, bytes, inodes);
        Ok(Response::new(ImageFsInfoResponse {
            image_filesystems: vec![of_images],
            container_filesystems: vec![of_containers],
        }))
    }
}

fn usage(folder: &std::path::Path, timestamp: i64, bytes: u64, inodes: u64) -> FilesystemUsage {
    FilesystemUsage {
        timestamp,
        fs_id: Some(FilesystemIdentifier { mountpoint: folder.to_string_lossy().into_owned() }),
        used_bytes: Some(UInt64Value { value: bytes }),
        inodes_used: Some(UInt64Value { value: inodes }),
    }
}
