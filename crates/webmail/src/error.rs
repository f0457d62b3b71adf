//! Why a page could not be given; each becomes a plain sentence on a page of its own.

use hyper::StatusCode;
use mail_service::ServiceError;
use thiserror::Error as ThisError;

/// A request was not answered as asked.
#[derive(Debug, ThisError)]
pub(crate) enum Error {
    /// There is no such page, mailbox, message or part.
    #[error("no such page")]
    NotFound,
    /// The form did not come from one of our pages, or from one that is too old.
    #[error("the form is not from a page of this session")]
    StaleForm,
    /// Nobody is logged in.
    #[error("not logged in")]
    LoggedOut,
    /// A request no page of ours makes.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The method does not fit the address.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// More bytes than allowed.
    #[error("request too large")]
    TooLarge,
    /// The body came too slowly.
    #[error("request too slow")]
    TooSlow,
    /// Too much at the same time; it passes.
    #[error("busy")]
    Busy,
    /// The service did not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The directory did not answer.
    #[error(transparent)]
    Directory(#[from] directory::DirectoryError),
    /// A page could not be written.
    #[error("template: {0}")]
    Template(#[from] askama::Error),
    /// Work on another thread ended badly.
    #[error("worker failed")]
    Worker,
}

impl Error {
    /// The status, and the name of the sentence that explains it.
    pub(crate) fn explain(&self) -> (StatusCode, &'static str) {
        match self {
            Error::NotFound
            | Error::Service(ServiceError::NoSuchMailbox | ServiceError::NoSuchTarget) => {
                (StatusCode::NOT_FOUND, "error-not-found")
            }
            Error::StaleForm => (StatusCode::FORBIDDEN, "error-stale"),
            Error::LoggedOut => (StatusCode::UNAUTHORIZED, "error-logged-out"),
            Error::BadRequest(_) => (StatusCode::BAD_REQUEST, "error-bad-request"),
            Error::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "error-bad-request"),
            Error::TooLarge | Error::Service(ServiceError::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "error-too-large")
            }
            Error::TooSlow => (StatusCode::REQUEST_TIMEOUT, "error-too-slow"),
            Error::Busy => (StatusCode::SERVICE_UNAVAILABLE, "error-busy"),
            Error::Service(ServiceError::NoPermission)
            | Error::Directory(directory::DirectoryError::NotAllowed(_)) => {
                (StatusCode::FORBIDDEN, "error-permission")
            }
            Error::Service(ServiceError::Leaving) => (StatusCode::FORBIDDEN, "error-leaving"),
            Error::Service(ServiceError::OverQuota) => (StatusCode::CONFLICT, "error-quota"),
            Error::Service(ServiceError::DiskFull | ServiceError::TryAgain(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "error-busy")
            }
            Error::Service(_) | Error::Directory(_) | Error::Template(_) | Error::Worker => {
                (StatusCode::INTERNAL_SERVER_ERROR, "error-internal")
            }
        }
    }
}
