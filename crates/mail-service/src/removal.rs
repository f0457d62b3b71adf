//! Messages of a deleted mailbox, removed in bounded commits that a stop may interrupt.

use std::sync::Arc;

use mail_store::tables::mail::{Doomed, Expunged, Message};
use mail_store::{Batch, Direction};
use mail_types::MailboxId;

use crate::account::Cell;
use crate::error::ServiceError;
use crate::insert;

/// Messages removed by one commit.
const MESSAGES_PER_COMMIT: usize = 500;

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
        let mut batch = Batch::new();
        for ((_, uid), row) in &page.rows {
            insert::delete_rows(&mut batch, mailbox, *uid, row);
        }
        let is_last = page.next.is_none();
        if is_last {
            batch.delete_prefix::<Expunged, _>(&mailbox);
            batch.delete::<Doomed>(&mailbox);
        }
        // No bump: nobody can see these rows any more.
        cell.store.commit(cell.partition(), batch).await?;
        for (_, row) in &page.rows {
            cell.store.body_released(row.body.hash);
            row.spilled.iter().for_each(|body| cell.store.body_released(body.hash));
        }
        if is_last {
            return Ok(());
        }
    }
}
