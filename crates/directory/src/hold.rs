//! What a reset leaves behind for a time, when no code to a recovery address had proven that it
//! was the owner: few recipients a day, and mail that came before closed until an officer says who
//! it was.

use mail_store::tables::security::HoldRecipientsRow;
use mail_types::AccountId;

use crate::audit_record::Requester;
use crate::directory::Directory;
use crate::error::DirectoryError;

/// Design: recipients a day while an account is on hold.
pub const HOLD_RECIPIENTS_PER_DAY: u32 = 50;
const DAY: i64 = 24 * 3600;

impl Directory {
    /// Counts recipients of a message that an account submits. Costs nothing but a look at what is
    /// cached, unless the account is on hold.
    ///
    /// # Errors
    /// [`DirectoryError::OnHold`] when they would be more than [`HOLD_RECIPIENTS_PER_DAY`]; then
    /// none is counted.
    pub async fn charge_recipients(
        &self,
        id: AccountId,
        count: usize,
    ) -> Result<(), DirectoryError> {
        let now = self.now().as_second();
        let account = self.account(id).await?;
        if account.is_none_or(|account| account.hold_until.is_none_or(|until| until <= now)) {
            return Ok(());
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.secure(id, &Requester::console(), |draft| {
            let Some(until) = draft.security.hold_until.filter(|until| *until > draft.now) else {
                return Ok(());
            };
            // A clock that was set back begins a new day.
            let is_today = |row: &&HoldRecipientsRow| (0..DAY).contains(&(draft.now - row.since));
            let today = draft.security.hold_recipients.as_ref().filter(is_today);
            let (since, before) = today.map_or((draft.now, 0), |row| (row.since, row.count));
            let count = before.saturating_add(count);
            if count > HOLD_RECIPIENTS_PER_DAY {
                return Err(DirectoryError::OnHold { until });
            }
            draft.security.hold_recipients = Some(HoldRecipientsRow { since, count });
            Ok(())
        })
        .await
    }
}
