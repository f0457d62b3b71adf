//! What a client is told when the service says no: one table.

use mail_service::ServiceError;

/// The tagged answer after the tag, without line end. The cause goes to the log.
pub(crate) fn refusal(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::NoSuchMailbox => "NO [NONEXISTENT] There is no such mailbox",
        // RFC 3501 §6.3.11: the client may create it and try again.
        ServiceError::NoSuchTarget => "NO [TRYCREATE] There is no such mailbox",
        ServiceError::AlreadyExists => "NO [ALREADYEXISTS] There is a mailbox of that name",
        ServiceError::InvalidName(_) => "NO [CANNOT] That cannot be a mailbox name",
        ServiceError::ReservedName => "NO [CANNOT] That name is reserved",
        ServiceError::HasChildren => "NO [HASCHILDREN] The mailbox has inferiors",
        ServiceError::NoPermission => "NO [NOPERM] Permission denied",
        // RFC 5530 §3: not permitted, whatever the client tries. Programs show the text as it is.
        ServiceError::Leaving => {
            "NO [NOPERM] Ce compte va fermer, il est en lecture seule / This account is about to \
             close and is read-only"
        }
        ServiceError::OverQuota => "NO [OVERQUOTA] The mailbox is full",
        ServiceError::TooMany { .. } => "NO [LIMIT] A limit of this server is reached",
        ServiceError::TooLarge { .. } => "NO [TOOBIG] The message is too large",
        ServiceError::Loop => "NO [CANNOT] The message goes round in a circle",
        ServiceError::DiskFull => "NO [LIMIT] The server has no room now; try again later",
        ServiceError::Corrupt(_) => "NO [SERVERBUG] Stored data is damaged; tell the help desk",
        ServiceError::TryAgain(_)
        | ServiceError::Stale
        | ServiceError::UnknownTimeZone(_)
        | ServiceError::Directory(_) => "NO [UNAVAILABLE] Try again later",
    }
}

/// Whether an operator must hear of it.
pub(crate) fn is_ours(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::Corrupt(_) | ServiceError::TryAgain(_) | ServiceError::Directory(_)
    )
}
