//! What images there are, and where.

use std::path::PathBuf;

use reprise_cri::v1::{Image, ImageFsInfoRequest, ListImagesRequest, RemoveImageRequest};
use reprise_cri::{Call, CriError};

use super::{Runtime, absent_as_none, image_spec};

impl Runtime {
    /// All images.
    pub(crate) async fn images(&self) -> Result<Vec<Image>, CriError> {
        let call = Call::new("ListImages", "all images");
        let answer = self.client.call(call, self.client.images().list_images(ListImagesRequest { filter: None })).await;
        answer.map(|a| a.images)
    }

    /// Removes an image with all its names. One that is gone is a success.
    pub(crate) async fn remove_image(&self, id: &str) -> Result<(), CriError> {
        let request = RemoveImageRequest { image: Some(image_spec(id)) };
        let answer = self.client.call(Call::new("RemoveImage", id), self.client.images().remove_image(request)).await;
        absent_as_none(answer).map(drop)
    }

    /// A folder on the file system that images are on; none if the runtime does not say.
    pub(crate) async fn image_folder(&self) -> Result<Option<PathBuf>, CriError> {
        let call = Call::new("ImageFsInfo", "");
        let answer = self.client.call(call, self.client.images().image_fs_info(ImageFsInfoRequest {})).await?;
        let first = answer.image_filesystems.into_iter().next().and_then(|fs| fs.fs_id);
        Ok(first.map(|id| PathBuf::from(id.mountpoint)))
    }

    /// Has the runtime open a container's log anew.
    pub(crate) async fn reopen_log(&self, container: &str) -> Result<(), CriError> {
        let request = reprise_cri::v1::ReopenContainerLogRequest { container_id: container.to_owned() };
        let call = Call::new("ReopenContainerLog", container);
        self.client.call(call, self.client.runtime().reopen_container_log(request)).await.map(drop)
    }
}
