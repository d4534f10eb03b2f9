//! What can end an attempt early.

use codegod_protocol::client;
use codegod_reasoner::reasoning::ReasonError;

use crate::stop::Cut;
use codegod_docker as docker;

/// What can end an attempt early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Docker.
    #[error(transparent)]
    Docker(#[from] docker::Error),
    /// The goal's repository.
    #[error(transparent)]
    Source(#[from] codegod_source::Error),
    /// Redis.
    #[error(transparent)]
    Protocol(#[from] client::Error),
    /// The findings lead nowhere.
    #[error(transparent)]
    Reason(#[from] ReasonError),
    /// What the task asks for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The attempt was cut.
    #[error("the attempt was cut: {0:?}")]
    Cut(Cut),
}

impl Error {
    /// Whether the same attempt may succeed later without anything being changed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Docker(error) => error.is_transient(),
            Error::Protocol(client::Error::Undecodable { .. } | client::Error::NotFound(_)) => false,
            Error::Protocol(_) | Error::Cut(_) => true,
            Error::Source(_) | Error::Reason(_) | Error::Invalid(_) => false,
        }
    }
}
