//! Failures into replies: the one place. Causes go to the log, fixed words to the peer.

use directory::{AuthError, DirectoryError};
use mail_message::author::AuthorFault;
use mail_service::{Missed, RecipientError, ServiceError};
use mail_types::QueueId;
use smtp_session::{Reply, reply};

use crate::log;

/// What is said when the service could not take a message.
pub(crate) fn service_error(error: &ServiceError) -> Reply {
    match error {
        ServiceError::Loop => reply::MAIL_LOOP,
        ServiceError::DiskFull => reply::DISK_FULL,
        ServiceError::TooLarge { .. } => reply::TOO_LARGE,
        ServiceError::OverQuota => reply::MAILBOX_FULL,
        ServiceError::TryAgain(source) => {
            tracing::warn!(error = source as &dyn std::error::Error, "service failed for now");
            reply::TRY_AGAIN
        }
        ServiceError::Directory(error) => directory_error(error),
        // Damage of ours must not bounce mail: 4xx keeps it with the sender until it is repaired.
        ServiceError::Corrupt(source) => {
            tracing::error!(error = source as &dyn std::error::Error, "stored data is damaged");
            reply::TRY_AGAIN
        }
        // These come from calls that delivery does not make, or pass by themselves.
        ServiceError::NoSuchMailbox
        | ServiceError::NoSuchTarget
        | ServiceError::AlreadyExists
        | ServiceError::InvalidName(_)
        | ServiceError::ReservedName
        | ServiceError::HasChildren
        | ServiceError::NoPermission
        | ServiceError::Leaving
        | ServiceError::TooMany { .. }
        | ServiceError::UnknownTimeZone(_)
        | ServiceError::Stale => {
            tracing::warn!(%error, "service refused");
            reply::TRY_AGAIN
        }
    }
}

/// What came of a message for each recipient; the log hears whom it did not reach.
pub(crate) fn outcomes(
    message: &log::Received<'_>,
    missed: Vec<Missed>,
) -> Vec<Result<QueueId, Reply>> {
    let mut outcomes = vec![Ok(message.queue_id); message.recipients];
    for Missed { recipients, error } in missed {
        let refusal = service_error(&error);
        for (position, address) in recipients {
            log::refused("message", message.from, Some(&address.to_string()), &refusal);
            outcomes[position] = Err(refusal.clone());
        }
    }
    outcomes
}

/// What is said when the directory could not be asked.
pub(crate) fn directory_error(error: &DirectoryError) -> Reply {
    if let DirectoryError::OnHold { .. } = error {
        return reply::ON_HOLD;
    }
    tracing::warn!(%error, "directory failed");
    reply::TRY_AGAIN
}

/// What is said to RCPT, from strangers and neighbours.
pub(crate) fn recipient_error(error: &RecipientError) -> Reply {
    match error {
        RecipientError::NotHosted => reply::RELAY_DENIED,
        RecipientError::UnknownUser => reply::UNKNOWN_USER,
        RecipientError::OverQuota => reply::MAILBOX_FULL,
        RecipientError::TryAgain(error) => service_error(error),
    }
}

/// What is said to AUTH. Threats S6: one text for everything that is wrong with a login.
pub(crate) fn auth_error(error: &AuthError, webmail_url: &str) -> Reply {
    match error {
        // Only the webmail hears of a second factor.
        AuthError::Refused | AuthError::NeedsSecondFactor(_) => reply::AUTH_FAILED,
        // Only whoever has the right temporary secret is told.
        AuthError::MustChangePassword(_) => Reply::change_password_first(webmail_url),
        // The directory's log says why.
        AuthError::TooMany | AuthError::TryAgain(_) => reply::AUTH_TRY_AGAIN,
    }
}

/// What is said to a submitted message without a clear author.
pub(crate) fn author_fault(fault: AuthorFault) -> Reply {
    match fault {
        AuthorFault::Missing | AuthorFault::Repeated | AuthorFault::Unreadable => reply::BAD_FROM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_4xx_and_what_will_not_is_5xx() {
        for (error, code) in [
            (ServiceError::Loop, "554 5.4.6"),
            (ServiceError::DiskFull, "452 4.3.1"),
            (ServiceError::TooLarge { bytes_max: 1 }, "552 5.3.4"),
            (ServiceError::OverQuota, "452 4.2.2"),
            (ServiceError::Stale, "451 4.3.0"),
            (ServiceError::Directory(DirectoryError::Invalid("x".into())), "451 4.3.0"),
        ] {
            assert!(service_error(&error).to_string().starts_with(code), "{error}");
        }
    }

    #[test]
    fn every_bad_login_reads_the_same() {
        assert_eq!(auth_error(&AuthError::Refused, "https://mail.test"), reply::AUTH_FAILED);
    }

    #[test]
    fn a_cause_never_reaches_the_peer() {
        let error = ServiceError::Directory(DirectoryError::Invalid("the secret cause".into()));
        assert!(!service_error(&error).to_string().contains("secret"));
    }
}
