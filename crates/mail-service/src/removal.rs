//! Messages of a deleted mailbox, removed in bounded commits that a stop may interrupt; and all
//! rows of a deleted account.

use std::sync::Arc;

use mail_store::tables::mail::{Doomed, Expunged, FlagBlock, Message};
use mail_store::{Batch, Direction};
use mail_types::MailboxId;

use crate::account::Cell;
use crate::error::ServiceError;
use crate::{expunge, insert};

/// Messages removed by one commit.
const MESSAGES_PER_COMMIT: usize = 500;

/// Removes a doomed mailbox's rows while everybody goes on; what a stop interrupts is resumed
/// when the account is loaded again.
pub(crate) fn remove_in_background(cell: &Arc<Cell>, mailbox: MailboxId) {
    let cell = Arc::clone(cell);
    tokio::spawn(async move {
        if let Err(error) = remove_messages(&cell, mailbox).await {
            tracing::error!(target: "facteur", %error, account = %cell.id, %mailbox, "removal interrupted");
        }
    });
}

/// Removes all rows of a doomed mailbox, and then its mark. The counters went with the mailbox.
pub(crate) async fn remove_messages(
    cell: &Arc<Cell>,
    mailbox: MailboxId,
) -> Result<(), ServiceError> {
    loop {
        let page = cell
            .store
            .scan_prefix::<Message, _>(
                cell.partition(),
                &mailbox,
                None,
                MESSAGES_PER_COMMIT,
                Direction::Forward,
            )
            .await?;
        let rows = page.rows.into_iter().map(|((_, uid), row)| (uid, row)).collect();
        let mut batch = Batch::new();
        expunge::follow_index_queue(cell, mailbox, &rows, &mut batch).await?;
        for (uid, row) in &rows {
            insert::delete_rows(&mut batch, mailbox, *uid, row);
        }
        let is_last = page.next.is_none();
        if is_last {
            batch.delete_prefix::<Expunged, _>(&mailbox);
            batch.delete_prefix::<FlagBlock, _>(&mailbox);
            batch.delete::<Doomed>(&mailbox);
        }
        // No bump: nobody can see these rows any more.
        cell.store.commit(cell.partition(), batch).await?;
        rows.values().for_each(|row| expunge::release(cell, row));
        if is_last {
            return Ok(());
        }
    }
}
