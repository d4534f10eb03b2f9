//! What can go wrong between codegod and Docker, sorted by what a caller can do about it.

use std::time::Duration;

use codegod_protocol::evidence::Evidence;

/// Why something could not be done with Docker.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No daemon answers.
    #[error("Docker is not reachable at {host}: start it, or set DOCKER_HOST ({reason})")]
    Unreachable {
        /// The address that was tried.
        host: String,
        /// What the connection said.
        reason: String,
    },
    /// The daemon refused or failed.
    #[error("{doing}: {source}")]
    Docker {
        /// What was being done, and to what.
        doing: String,
        /// What the client library says.
        source: bollard::errors::Error,
    },
    /// The daemon's disk is full.
    #[error("{doing}: the disk of the Docker host is full")]
    DiskFull {
        /// What was being done, and to what.
        doing: String,
    },
    /// An image that was on the host is there no more: it was removed since it was looked up. Whoever
    /// knows its recipe makes it again.
    #[error("image {image} is gone from this host")]
    ImageGone {
        /// The image.
        image: String,
    },
    /// An image is neither here nor to be had.
    #[error("image {name} can't be pulled ({reason}) and codegod has no definition to build it from")]
    ImageUnavailable {
        /// The image.
        name: String,
        /// Why it can't be pulled.
        reason: String,
    },
    /// A locally defined image could not be built.
    #[error("build image {name}: {reason}")]
    ImageBuild {
        /// The image.
        name: String,
        /// What went wrong, with the end of the failing command's output.
        reason: String,
    },
    /// A step of a recipe ended with another exit code than 0.
    #[error("setup step `{}` ended with exit code {}", evidence.command, evidence.exit_code)]
    StepFailed {
        /// The step as it ran.
        evidence: Box<Evidence>,
    },
    /// More bytes than the limit allows.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Another process held a build for longer than anyone should.
    #[error("waited {} s for another process to build {name}", waited.as_secs())]
    LockHeld {
        /// What was to be built.
        name: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// What was asked for makes no sense (a path outside the workspace, a broken expression).
    #[error("{0}")]
    Invalid(String),
    /// The caller's cancellation token was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A file or pipe of this host failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, and to what.
        doing: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Error {
    /// Sorts a client error by what it means.
    pub(crate) fn docker(doing: impl Into<String>, source: bollard::errors::Error) -> Self {
        let doing = doing.into();
        if source.to_string().contains("no space left on device") {
            return Self::DiskFull { doing };
        }
        if let bollard::errors::Error::DockerResponseServerError { status_code: 404, message } = &source
            && let Some((_, image)) = message.split_once("No such image: ")
        {
            return Self::ImageGone { image: image.to_owned() };
        }
        Self::Docker { doing, source }
    }

    /// An error of this host's files, with what was being done.
    pub(crate) fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }

    /// Whether the same call may succeed later without anything being changed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::LockHeld { .. }
            | Self::DiskFull { .. }
            | Self::ImageGone { .. } => true,
            Self::Docker { source, .. } => status(source).is_none_or(|code| code >= 500),
            Self::ImageUnavailable { .. }
            | Self::ImageBuild { .. }
            | Self::StepFailed { .. }
            | Self::TooLarge { .. }
            | Self::Invalid(_)
            | Self::Cancelled
            | Self::Io { .. } => false,
        }
    }
}

/// The HTTP status with which the daemon refused, when it did.
pub(crate) fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Treats "there is no such thing" as an answer instead of a failure.
pub(crate) fn optional<T>(
    result: Result<T, bollard::errors::Error>,
    doing: impl Into<String>,
) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(Error::docker(doing, error)),
    }
}

/// Removing what is gone, or what another is removing already, is done.
pub(crate) fn removed<T>(
    result: Result<T, bollard::errors::Error>,
    doing: impl Into<String>,
) -> Result<(), Error> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if status(&error) == Some(404) => Ok(()),
        Err(error) if error.to_string().contains("already in progress") => Ok(()),
        Err(error) => Err(Error::docker(doing, error)),
    }
}
