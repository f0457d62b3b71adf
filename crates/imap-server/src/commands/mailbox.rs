//! SELECT, STATUS and what changes the tree of mailboxes.

use imap_session::{Command, Mailbox, Selected, StatusItem, respond};
use mail_service::{MailboxStatus, ServiceError, Subscription, flags_in_use};
use mail_types::MailboxName;

use crate::connection::{Access, Connection, MAILBOX_GONE, Opened};

impl Connection {
    pub(crate) async fn mailbox_command(&mut self, tag: &str, command: Command) {
        let Some((actor, owner)) = self.owner() else { return };
        let mail = self.mail();
        match command {
            Command::Select { mailbox, read_only, condstore } => {
                self.condstore |= condstore;
                self.select(tag, mailbox, read_only).await;
            }
            Command::List(list) => self.list(tag, &list).await,
            Command::Lsub { reference, pattern } => self.lsub(tag, &reference, &pattern).await,
            Command::Status { mailbox, items } => self.status(tag, mailbox, &items).await,
            Command::Create { mailbox, special_use } => {
                let Some(name) = self.named(tag, mailbox) else { return };
                let created = mail.create(actor, owner, &name, special_use).await;
                self.conclude(tag, created.map(drop), "CREATE");
            }
            Command::Delete(mailbox) => {
                let Some(name) = self.named(tag, mailbox) else { return };
                let deleted = mail.delete(actor, owner, &name).await;
                self.conclude(tag, deleted, "DELETE");
            }
            Command::Rename { from, to } => {
                let Some(from) = self.named(tag, from) else { return };
                let Some(to) = self.named(tag, to) else { return };
                let renamed = mail.rename(actor, owner, &from, &to).await;
                self.conclude(tag, renamed, "RENAME");
            }
            Command::Subscribe(mailbox) => {
                self.subscribe(tag, mailbox, Subscription::Subscribed).await;
            }
            Command::Unsubscribe(mailbox) => {
                self.subscribe(tag, mailbox, Subscription::Unsubscribed).await;
            }
            _ => self.tagged(tag, "BAD Unknown command"),
        }
    }

    async fn subscribe(&mut self, tag: &str, mailbox: Mailbox, subscription: Subscription) {
        let Some((actor, owner)) = self.owner() else { return };
        let Some(name) = self.named(tag, mailbox) else { return };
        let done = self.mail().subscribe(actor, owner, &name, subscription).await;
        let verb = match subscription {
            Subscription::Subscribed => "SUBSCRIBE",
            Subscription::Unsubscribed => "UNSUBSCRIBE",
        };
        self.conclude(tag, done, verb);
    }

    /// The name, or an answer that says why it is none.
    pub(crate) fn named(&mut self, tag: &str, mailbox: Mailbox) -> Option<MailboxName> {
        match mailbox {
            Mailbox::Named(name) => Some(name),
            Mailbox::Invalid(why) => {
                self.tagged(tag, &format!("NO [CANNOT] {why}"));
                None
            }
        }
    }

    async fn select(&mut self, tag: &str, mailbox: Mailbox, read_only: bool) {
        // RFC 3501 §6.3.1: the old mailbox is deselected even when the new one is not there.
        self.opened = None;
        let Some((actor, owner)) = self.owner() else { return };
        let Some(name) = self.named(tag, mailbox) else { return };
        let mailbox = match self.mail().open_mailbox(actor, owner, &name).await {
            Ok(mailbox) => mailbox,
            Err(error) => return self.refuse(tag, &error),
        };
        let access = match self.mail().may_write(actor, owner).await {
            _ if read_only => Access::Examined,
            Ok(true) => Access::ReadWrite,
            Ok(false) => Access::Leaving,
            Err(error) => return self.refuse(tag, &error),
        };
        let seen = mailbox.snapshot();
        let uids = seen.iter().map(|entry| entry.uid.get()).collect();
        let flags = flags_in_use(seen.iter()).into_iter().collect();
        let selected = match access {
            Access::ReadWrite => Selected::new(uids, flags),
            Access::Examined | Access::Leaving => Selected::read_only(uids, flags),
        };
        let out = &mut self.out;
        selected.tell_flags(out);
        respond::line(out, &format!("* {} EXISTS", seen.len()));
        // Deviation: `\Recent` is never set (RFC 3501 §2.3.2). Which session a message was recent
        // for is decided by chance there, and RFC 9051 has dropped it.
        respond::line(out, "* 0 RECENT");
        let unseen = seen.iter().position(|entry| !entry.flags.is_seen());
        if let Some(index) = unseen {
            respond::line(out, &format!("* OK [UNSEEN {}] First unseen", index + 1));
        }
        respond::line(out, &format!("* OK [UIDVALIDITY {}] UIDs valid", seen.uid_validity));
        respond::line(out, &format!("* OK [UIDNEXT {}] Next UID", seen.uid_next));
        // RFC 7162 §3.1.2.1: told whether the client asked for mod-sequences or not.
        respond::line(out, &format!("* OK [HIGHESTMODSEQ {}] Highest", seen.highest_mod_seq));
        self.tagged(
            tag,
            match access {
                Access::ReadWrite => "OK [READ-WRITE] SELECT completed",
                Access::Examined => "OK [READ-ONLY] EXAMINE completed",
                Access::Leaving => "OK [READ-ONLY] SELECT completed",
            },
        );
        self.opened = Some(Opened { mailbox, selected, seen, access });
    }

    async fn status(&mut self, tag: &str, mailbox: Mailbox, items: &[StatusItem]) {
        let Some((actor, owner)) = self.owner() else { return };
        let Some(name) = self.named(tag, mailbox) else { return };
        let status = match self.mail().status(actor, owner, &name).await {
            Ok(status) => status,
            Err(error) => return self.refuse(tag, &error),
        };
        self.tell_status(&name, items, &status);
        self.tagged(tag, "OK STATUS completed");
    }

    /// `* STATUS name (items)`
    pub(crate) fn tell_status(
        &mut self,
        name: &MailboxName,
        items: &[StatusItem],
        status: &MailboxStatus,
    ) {
        // RFC 7162 §3.1: asking for HIGHESTMODSEQ says that the client understands mod-sequences.
        self.condstore |= items.contains(&StatusItem::HighestModSeq);
        let out = &mut self.out;
        out.extend_from_slice(b"* STATUS ");
        respond::mailbox(out, name);
        out.extend_from_slice(b" (");
        for (index, item) in items.iter().enumerate() {
            let (word, number) = match item {
                StatusItem::Messages => ("MESSAGES ", status.messages.into()),
                StatusItem::Recent => ("RECENT ", 0),
                StatusItem::UidNext => ("UIDNEXT ", status.uid_next),
                StatusItem::UidValidity => ("UIDVALIDITY ", status.uid_validity.0.get().into()),
                StatusItem::Unseen => ("UNSEEN ", status.unseen.into()),
                StatusItem::Deleted => ("DELETED ", status.deleted.into()),
                StatusItem::Size => ("SIZE ", status.size),
                StatusItem::HighestModSeq => ("HIGHESTMODSEQ ", status.highest_mod_seq.0),
            };
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word.as_bytes());
            respond::number(out, number);
        }
        respond::line(out, ")");
    }

    /// The selected mailbox, or an answer.
    pub(crate) fn selected(&mut self, tag: &str) -> Option<&mut Opened> {
        if self.opened.is_none() {
            self.tagged(tag, "BAD Select a mailbox first");
        }
        self.opened.as_mut()
    }

    /// The selected mailbox if it may be changed, or an answer.
    pub(crate) fn writable(&mut self, tag: &str) -> Option<&mut Opened> {
        match self.opened.as_ref().map(|opened| opened.access) {
            Some(Access::Examined) => {
                self.tagged(tag, "NO [READ-ONLY] The mailbox was opened with EXAMINE");
                None
            }
            Some(Access::Leaving) => {
                self.refuse(tag, &ServiceError::Leaving);
                None
            }
            Some(Access::ReadWrite) | None => self.selected(tag),
        }
    }

    /// Ends the session's hold on a mailbox that turned out to be deleted.
    pub(crate) fn lost(&mut self, tag: &str, error: &ServiceError) {
        self.refuse(tag, error);
        if matches!(error, ServiceError::NoSuchMailbox | ServiceError::Stale) {
            self.bye(MAILBOX_GONE);
        }
    }
}
