//! COPY, MOVE, EXPUNGE, CLOSE.

use imap_session::{Expunges, Mailbox, Numbering, SequenceSet, respond};
use mail_service::{Copied, ServiceError};
use mail_types::UidSet;

use crate::connection::{Access, Connection};

impl Connection {
    pub(crate) async fn copy(
        &mut self,
        tag: &str,
        numbering: Numbering,
        set: &SequenceSet,
        target: Mailbox,
        is_move: bool,
    ) {
        let Some((actor, _)) = self.owner() else { return };
        let mail = self.mail();
        let opened = if is_move { self.writable(tag) } else { self.selected(tag) };
        let Some(opened) = opened else { return };
        let Some(uids) = opened.selected.resolve(set, numbering) else {
            return self.tagged(tag, "BAD There is no such message");
        };
        let mailbox = opened.mailbox.clone();
        let Some(target) = self.named(tag, target) else { return };
        let copied = match is_move {
            true => mail.move_messages(actor, &mailbox, &uids, &target).await,
            false => mail.copy(actor, &mailbox, &uids, &target).await,
        };
        match copied {
            Ok(copied) if is_move => {
                // RFC 6851 §4.3: COPYUID comes before the EXPUNGEs.
                if let Some(code) = copy_uid(&copied) {
                    respond::line(&mut self.out, &format!("* OK [{code}] Moved"));
                }
                self.tell(Expunges::Told);
                self.tagged(tag, "OK MOVE completed");
            }
            Ok(copied) => {
                self.tell(Expunges::Told);
                let code = copy_uid(&copied).map(|code| format!("[{code}] ")).unwrap_or_default();
                self.tagged(tag, &format!("OK {code}COPY completed"));
            }
            Err(error @ ServiceError::NoSuchTarget) => self.refuse(tag, &error),
            Err(error) => self.lost(tag, &error),
        }
    }

    pub(crate) async fn expunge(&mut self, tag: &str, set: Option<SequenceSet>) {
        let Some((actor, _)) = self.owner() else { return };
        let mail = self.mail();
        let Some(opened) = self.writable(tag) else { return };
        let uids = match &set {
            Some(set) => opened.selected.resolve(set, Numbering::Uid),
            None => None,
        };
        let mailbox = opened.mailbox.clone();
        match mail.expunge(actor, &mailbox, uids.as_ref()).await {
            Ok(_) => {
                self.tell(Expunges::Told);
                self.tagged(tag, "OK EXPUNGE completed");
            }
            Err(error) => self.lost(tag, &error),
        }
    }

    /// RFC 3501 §6.4.2: expunges without telling, then deselects.
    pub(crate) async fn close(&mut self, tag: &str) {
        let Some((actor, _)) = self.owner() else { return };
        let Some(opened) = self.opened.take() else { return };
        let expunged = match opened.access {
            Access::ReadWrite => self.mail().expunge(actor, &opened.mailbox, None).await,
            Access::Examined | Access::Leaving => Ok(UidSet::new()),
        };
        match expunged {
            // RFC 3501 §6.4.2: nothing is removed where nothing can be, and that is no error.
            Ok(_) | Err(ServiceError::Leaving) => self.tagged(tag, "OK CLOSE completed"),
            Err(error) => self.refuse(tag, &error),
        }
    }
}

/// RFC 4315 §3: `COPYUID validity source target`, both sets in the same order.
fn copy_uid(copied: &Copied) -> Option<String> {
    if copied.pairs.is_empty() {
        return None;
    }
    // UIDs were assigned in rising order on both sides, so sorted sets pair up.
    let source: UidSet = copied.pairs.iter().map(|(uid, _)| uid.get()).collect();
    let target: UidSet = copied.pairs.iter().map(|(_, uid)| uid.get()).collect();
    Some(format!("COPYUID {} {source} {target}", copied.uid_validity))
}
