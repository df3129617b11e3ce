//! Why a controller could not do something. All of these are tried again.

use kube::Error as ClientError;

/// A failed piece of work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A call to the API.
    #[error("could not {operation} {object}: {source}")]
    Call {
        /// `create`, `delete`, ...
        operation: &'static str,
        /// What it was about: `Pod ns/name`.
        object: String,
        /// What the client says.
        source: Box<ClientError>,
    },
}

impl Error {
    /// A call that failed, to be used with `map_err`.
    pub(crate) fn call(operation: &'static str, object: impl Into<String>) -> impl FnOnce(ClientError) -> Self {
        let object = object.into();
        move |source| Self::Call { operation, object, source: Box::new(source) }
    }

    /// The code of the API's answer, if there was one.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Call { source, .. } => match &**source {
                ClientError::Api(status) => Some(status.code),
                _ => None,
            },
        }
    }
}

/// Takes it as done that what is to be deleted or changed is not there any more.
pub(crate) fn unless_gone<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes it as done that what is to be created is there.
pub(crate) fn unless_there<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(409) => Ok(None),
        Err(error) => Err(error),
    }
}
