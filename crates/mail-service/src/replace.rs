//! A message in place of another, as a draft that is saved again: both in one commit.

use mail_types::{Actor, FlagSet, InternalDate, Uid, UidSet};

use crate::error::ServiceError;
use crate::expunge::{self, Log};
use crate::message::{Appended, OpenMailbox};
use crate::receive::ReceivedMessage;
use crate::service::{MailService, Right};

/// Messages that one may take the place of.
const REPLACED_MAX: usize = 100;

impl MailService {
    /// Adds a message and removes those it replaces, whatever their flags say (RFC 8508 does the
    /// same): nobody ever sees both or neither. Messages that are gone already are passed over,
    /// more than a hundred stay. `internal_date` defaults to now. Durable on return.
    pub async fn replace(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        replaced: &UidSet,
        message: ReceivedMessage,
        flags: FlagSet,
        internal_date: Option<InternalDate>,
    ) -> Result<Appended, ServiceError> {
        let owner = mailbox.owner();
        let cell = self.cell(actor, owner, Right::Write).await?;
        let id = mailbox.id();
        let head = cell.lock().await?.head(id)?;
        let old: Vec<Uid> =
            head.select(replaced).take(REPLACED_MAX).map(|entry| entry.uid).collect();
        let rows = expunge::read(&cell, id, &old).await?;
        let queued = expunge::index_queue(&cell, id, &rows).await?;
        let log = Log::new(&cell, id).await?;
        let mut coming = self.coming(owner, message, flags, internal_date).await?;
        let (appended, gone) = cell
            .commit(|state, change| {
                let removed = expunge::remove_rows(state, change, id, &rows, &queued, |_| true)?;
                // What goes makes room for what comes.
                let uid = coming.insert(state, change, id)?;
                log.write(state, change, removed.iter().copied());
                let here = state.mailboxes.get(&id).ok_or(ServiceError::NoSuchMailbox)?;
                Ok((Appended { uid_validity: here.row.uid_validity, uid }, removed))
            })
            .await?;
        expunge::release_all(&cell, &rows, &gone);
        Ok(appended)
    }

    /// Removes these messages whatever their flags say. Durable on return.
    pub async fn remove(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
    ) -> Result<(), ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        expunge::remove_all(&cell, mailbox.id(), uids).await
    }
}
