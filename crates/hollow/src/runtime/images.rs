//! The image service: whatever is asked for is there.

use reprise_cri::v1::image_service_server::ImageService;
use reprise_cri::v1::*;
use tonic::{Request, Response, Status};

use super::HollowRuntime;
use super::calls::ok;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ImageService for HollowRuntime {
    /// None by itself: a list of all that could be asked for has no end.
    async fn list_images(&self, _: Request<ListImagesRequest>) -> Answer<ListImagesResponse> {
        ok(ListImagesResponse::default())
    }

    async fn image_status(&self, request: Request<ImageStatusRequest>) -> Answer<ImageStatusResponse> {
        let name = request.into_inner().image.unwrap_or_default().image;
        let image = Image { id: name.clone(), repo_tags: vec![name], size: 1, ..Image::default() };
        ok(ImageStatusResponse { image: Some(image), ..ImageStatusResponse::default() })
    }

    async fn pull_image(&self, request: Request<PullImageRequest>) -> Answer<PullImageResponse> {
        ok(PullImageResponse { image_ref: request.into_inner().image.unwrap_or_default().image })
    }

    async fn remove_image(&self, _: Request<RemoveImageRequest>) -> Answer<RemoveImageResponse> {
        ok(RemoveImageResponse {})
    }

    async fn image_fs_info(&self, _: Request<ImageFsInfoRequest>) -> Answer<ImageFsInfoResponse> {
        ok(ImageFsInfoResponse::default())
    }
}
