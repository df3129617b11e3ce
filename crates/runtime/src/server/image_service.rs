//! CRI's image calls.

use std::sync::Arc;

use reprise_cri::v1::image_service_server::ImageService;
use reprise_cri::v1::{
    AuthConfig, FilesystemIdentifier, FilesystemUsage, ImageFsInfoRequest, ImageFsInfoResponse, ImageSpec,
    ImageStatusRequest, ImageStatusResponse, ListImagesRequest, ListImagesResponse, PullImageRequest,
    PullImageResponse, RemoveImageRequest, RemoveImageResponse, UInt64Value,
};
use reprise_images::{Credentials, DockerConfig, Reference};
use tonic::{Request, Response, Status};

use super::answer;
use super::engine::{Engine, now};
use super::failure::Failure;

/// The image service.
pub struct ImageCalls(pub Arc<Engine>);

fn named(spec: Option<ImageSpec>) -> Result<String, Failure> {
    spec.map(|s| s.image).filter(|name| !name.is_empty()).ok_or(Failure::Missing("image"))
}

/// The caller's credentials, or else those of the Docker config file for the image's registry.
fn credentials(auth: Option<AuthConfig>, reference: &str) -> Result<Option<Credentials>, Failure> {
    if let Some(auth) = auth {
        if !auth.username.is_empty() {
            return Ok(Some(Credentials::Basic { username: auth.username, password: auth.password }));
        }
        if !auth.auth.is_empty() {
            return Ok(Credentials::from_base64(&auth.auth));
        }
        if !auth.registry_token.is_empty() {
            return Ok(Some(Credentials::Token(auth.registry_token)));
        }
    }
    let reference = Reference::parse(reference)?;
    Ok(DockerConfig::load()?.credentials_for(&reference)?)
}

#[tonic::async_trait]
impl ImageService for ImageCalls {
    async fn list_images(&self, request: Request<ListImagesRequest>) -> Result<Response<ListImagesResponse>, Status> {
        let wanted = request.into_inner().filter.and_then(|f| f.image).map(|i| i.image).filter(|i| !i.is_empty());
        let images = match wanted {
            Some(name) => self.0.images.resolve(&name).map_err(Failure::from)?.into_iter().collect(),
            None => self.0.images.list().map_err(Failure::from)?,
        };
        Ok(Response::new(ListImagesResponse { images: images.iter().map(answer::image).collect() }))
    }

    async fn image_status(
        &self,
        request: Request<ImageStatusRequest>,
    ) -> Result<Response<ImageStatusResponse>, Status> {
        let name = named(request.into_inner().image)?;
        let image = self.0.images.resolve(&name).map_err(Failure::from)?;
        Ok(Response::new(ImageStatusResponse { image: image.as_ref().map(answer::image), ..Default::default() }))
    }

    async fn pull_image(&self, request: Request<PullImageRequest>) -> Result<Response<PullImageResponse>, Status> {
        let request = request.into_inner();
        let name = named(request.image)?;
        let credentials = credentials(request.auth, &name)?;
        let image = self.0.images.pull(&name, credentials, &()).await.map_err(Failure::from)?;
        Ok(Response::new(PullImageResponse { image_ref: image.id.to_string() }))
    }

    async fn remove_image(
        &self,
        request: Request<RemoveImageRequest>,
    ) -> Result<Response<RemoveImageResponse>, Status> {
        let name = named(request.into_inner().image)?;
        let store = self.0.images.clone();
        let removed = tokio::task::spawn_blocking(move || store.remove(&name)).await;
        match removed.map_err(|e| Status::internal(e.to_string()))? {
            // Gone is what was asked for.
            Ok(_) | Err(reprise_images::Error::NotStored { .. }) => Ok(Response::new(RemoveImageResponse {})),
            Err(e) => Err(Failure::from(e).into()),
        }
    }

    async fn image_fs_info(&self, _: Request<ImageFsInfoRequest>) -> Result<Response<ImageFsInfoResponse>, Status> {
        let store = self.0.images.clone();
        let usage = tokio::task::spawn_blocking(move || store.usage()).await;
        let usage = usage.map_err(|e| Status::internal(e.to_string()))?.map_err(Failure::from)?;
        let mountpoint = self.0.images.dir().to_string_lossy().into_owned();
        let usage = FilesystemUsage {
            timestamp: now(),
            fs_id: Some(FilesystemIdentifier { mountpoint }),
            used_bytes: Some(UInt64Value { value: usage.bytes }),
            inodes_used: Some(UInt64Value { value: usage.inodes }),
        };
        Ok(Response::new(ImageFsInfoResponse { image_filesystems: vec![usage], container_filesystems: Vec::new() }))
    }
}
