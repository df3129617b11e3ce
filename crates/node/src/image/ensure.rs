//! Makes a container's image present, by its pull policy.

use std::time::{Duration, Instant};

use reprise_cri::CriError;
use reprise_cri::v1::{AuthConfig, Image, PodSandboxConfig};

use super::name;
use crate::container::build::ResolvedImage;
use crate::container::user::ImageUser;
use crate::error::chain;
use crate::runtime_calls::Runtime;

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ensured {
    pub image: ResolvedImage,
    /// How long it took to pull and how large it is, if it was pulled.
    pub pulled: Option<(Duration, u64)>,
}

/// Why an image is not there. `Display` is the message that users see.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// The name is none.
    #[error(
        "Failed to apply default image tag {image:?}: couldn't parse image name {image:?}: invalid reference format"
    )]
    InvalidName {
        /// As written.
        image: String,
    },
    /// Not there, and must not be pulled.
    #[error("Container image {image:?} is not present with pull policy of Never")]
    NeverPull {
        /// As written.
        image: String,
    },
    /// The runtime can't say whether it is there.
    #[error("Failed to inspect image {image:?}: {}", .source.answer().map_or_else(|| chain(.source), str::to_owned))]
    Inspect {
        /// As written.
        image: String,
        /// The runtime's answer.
        source: CriError,
    },
    /// It can't be pulled.
    #[error("Failed to pull image {image:?}: {}", .source.answer().map_or_else(|| chain(.source), str::to_owned))]
    Pull {
        /// As written.
        image: String,
        /// The runtime's answer.
        source: CriError,
    },
}

impl ImageError {
    /// The reason as a waiting container shows it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::InvalidName { .. } => "InvalidImageName",
            Self::NeverPull { .. } => "ErrImageNeverPull",
            Self::Inspect { .. } => "ImageInspectError",
            Self::Pull { .. } => "ErrImagePull",
        }
    }
}

/// Makes `image` present. `pulling` is called before a pull begins.
pub(crate) async fn ensure(
    runtime: &Runtime,
    image: &str,
    policy: Option<&str>,
    credentials: Vec<AuthConfig>,
    sandbox: PodSandboxConfig,
    pulling: impl FnOnce(),
) -> Result<Ensured, ImageError> {
    let invalid = || ImageError::InvalidName { image: image.to_owned() };
    let inspect = |source| ImageError::Inspect { image: image.to_owned(), source };
    let full_name = name::with_default_tag(image).ok_or_else(invalid)?;
    let policy = policy.unwrap_or_else(|| name::default_policy(image));
    if policy != "Always" {
        if let Some(found) = runtime.image_status(&full_name).await.map_err(inspect)? {
            return Ok(Ensured { image: resolved(&found, &full_name), pulled: None });
        }
        if policy == "Never" {
            return Err(ImageError::NeverPull { image: image.to_owned() });
        }
    }
    pulling();
    let began = Instant::now();
    let pull = pull(runtime, &full_name, credentials, sandbox).await;
    let reference = pull.map_err(|source| ImageError::Pull { image: image.to_owned(), source })?;
    let took = began.elapsed();
    let found = runtime.image_status(&reference).await.map_err(inspect)?.unwrap_or_default();
    Ok(Ensured { image: resolved(&found, &reference), pulled: Some((took, found.size)) })
}

/// One try with each credential until one succeeds, or one without any. A registry that takes none of them says so last.
async fn pull(
    runtime: &Runtime,
    image: &str,
    credentials: Vec<AuthConfig>,
    sandbox: PodSandboxConfig,
) -> Result<String, CriError> {
    let mut credentials = credentials.into_iter();
    let mut answer = runtime.pull_image(image, credentials.next(), sandbox.clone()).await;
    for credential in credentials {
        match answer {
            Err(error) if !error.is_lost() => {
                tracing::debug!(image, error = %chain(&error), "another credential is tried");
            }
            answer => return answer,
        }
        answer = runtime.pull_image(image, Some(credential), sandbox.clone()).await;
    }
    answer
}

fn resolved(image: &Image, name: &str) -> ResolvedImage {
    let reference = if image.id.is_empty() { name.to_owned() } else { image.id.clone() };
    let image_id = image.repo_digests.first().cloned().unwrap_or_else(|| reference.clone());
    let user = ImageUser { uid: image.uid.as_ref().map(|u| u.value), name: image.username.clone() };
    ResolvedImage { reference, image_id, user }
}
