//! What a reset leaves behind for a time, when no code to a recovery address had proven that it
//! was the owner: few recipients a day, and mail that came before closed until an officer says who
//! it was.

use mail_types::AccountId;

use crate::audit_record::Requester;
use crate::day_count;
use crate::directory::Directory;
use crate::error::DirectoryError;

/// Design: recipients a day while an account is on hold.
pub const HOLD_RECIPIENTS_PER_DAY: u32 = 50;

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
            let (recipients, now) = (&mut draft.security.hold_recipients, draft.now);
            if !day_count::count(recipients, now, count, HOLD_RECIPIENTS_PER_DAY) {
                return Err(DirectoryError::OnHold { until });
            }
            Ok(())
        })
        .await
    }
}
