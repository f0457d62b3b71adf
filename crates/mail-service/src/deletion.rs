//! The end of an account: the directory says first that it is gone, then its mail goes. A crash
//! between the two leaves a deleted account with mail, which maintenance finds and ends.

use directory::DirectoryError;
use mail_types::AccountId;

use crate::error::ServiceError;
use crate::service::MailService;

impl MailService {
    /// Deletes an account by this commit of the directory, and removes its mail. In this order:
    /// the directory may refuse, and whose account stays must not have lost a message.
    ///
    /// # Errors
    /// [`ServiceError::Directory`] when the directory refused, and nothing was done. Any other: the
    /// account is deleted, and [`MailService::purge_deleted`] removes its mail.
    pub async fn delete_account(
        &self,
        id: AccountId,
        deletion: impl Future<Output = Result<(), DirectoryError>>,
    ) -> Result<(), ServiceError> {
        deletion.await?;
        self.purge_account(id).await
    }

    /// Removes the mail of deleted accounts of which that is not known to be done: a crash or an
    /// error came between, or mail that was under way came after. Returns of how many.
    ///
    /// One whose mail cannot be removed is logged and tried again the next time.
    pub async fn purge_deleted(&self) -> Result<u64, ServiceError> {
        let directory = self.directory();
        let mut purged = 0;
        for id in directory.unpurged().await? {
            match self.purge_account(id).await {
                Ok(()) => {
                    directory.note_purged(id).await?;
                    purged += 1;
                }
                Err(error) => tracing::error!(
                    target: "facteur", account = %id, %error,
                    "the mail of a deleted account could not be removed"
                ),
            }
        }
        Ok(purged)
    }
}
