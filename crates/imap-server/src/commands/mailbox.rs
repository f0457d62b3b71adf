//! SELECT, LIST, STATUS and what changes the tree of mailboxes.

use imap_session::{Command, Mailbox, Selected, StatusItem, decode_utf7, respond};
use mail_service::{MailboxInfo, ServiceError, Subscription, flags_in_use};
use mail_types::MailboxName;

use crate::connection::{Connection, Opened};

/// Longest LIST pattern that is matched.
const PATTERN_BYTES_MAX: usize = 1024;

impl Connection {
    pub(crate) async fn mailbox_command(&mut self, tag: &str, command: Command) {
        let Some((actor, owner)) = self.owner() else { return };
        let mail = self.mail();
        match command {
            Command::Select { mailbox, read_only } => self.select(tag, mailbox, read_only).await,
            Command::List { reference, pattern, subscribed } => {
                self.list(tag, &reference, &pattern, subscribed).await;
            }
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
        let seen = mailbox.snapshot();
        let uids = seen.iter().map(|entry| entry.uid.get()).collect();
        let flags = flags_in_use(seen.iter()).into_iter().collect();
        let selected = Selected::new(uids, flags);
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
        let access = if read_only { "READ-ONLY] EXAMINE" } else { "READ-WRITE] SELECT" };
        self.tagged(tag, &format!("OK [{access} completed"));
        self.opened = Some(Opened { mailbox, selected, seen, read_only });
    }

    async fn list(&mut self, tag: &str, reference: &[u8], pattern: &[u8], subscribed: bool) {
        let Some((actor, owner)) = self.owner() else { return };
        let verb = if subscribed { "LSUB" } else { "LIST" };
        if pattern.is_empty() && !subscribed {
            // RFC 3501 §6.3.8: asks for the delimiter and the root of the reference.
            respond::line(&mut self.out, "* LIST (\\Noselect) \"/\" \"\"");
            return self.tagged(tag, "OK LIST completed");
        }
        let wanted = [reference, pattern].concat();
        let Some(wanted) = decode_utf7(&wanted).ok().filter(|text| text.len() <= PATTERN_BYTES_MAX)
        else {
            return self.tagged(tag, "NO [CANNOT] The pattern is not modified UTF-7 or too long");
        };
        let mailboxes = match self.mail().mailboxes(actor, owner).await {
            Ok(mailboxes) => mailboxes,
            Err(error) => return self.refuse(tag, &error),
        };
        for info in &mailboxes {
            if !matches(&wanted, &info.name) {
                continue;
            }
            // RFC 3501 §6.3.9: a name that is not subscribed is shown by LSUB when `%` hides
            // subscribed names below it.
            let hides = || {
                let below =
                    |other: &&MailboxInfo| other.subscribed && other.name.is_below(&info.name);
                wanted.ends_with('%') && mailboxes.iter().any(|other| below(&other))
            };
            let only_parent = subscribed && !info.subscribed;
            if only_parent && !hides() {
                continue;
            }
            self.out.extend_from_slice(format!("* {verb} (").as_bytes());
            self.out.extend_from_slice(attributes(info, only_parent).as_bytes());
            self.out.extend_from_slice(b") \"/\" ");
            respond::mailbox(&mut self.out, &info.name);
            self.out.extend_from_slice(b"\r\n");
        }
        self.tagged(tag, &format!("OK {verb} completed"));
    }

    async fn status(&mut self, tag: &str, mailbox: Mailbox, items: &[StatusItem]) {
        let Some((actor, owner)) = self.owner() else { return };
        let Some(name) = self.named(tag, mailbox) else { return };
        let status = match self.mail().status(actor, owner, &name).await {
            Ok(status) => status,
            Err(error) => return self.refuse(tag, &error),
        };
        let item = |item: &StatusItem| match item {
            StatusItem::Messages => format!("MESSAGES {}", status.messages),
            StatusItem::Recent => "RECENT 0".into(),
            StatusItem::UidNext => format!("UIDNEXT {}", status.uid_next),
            StatusItem::UidValidity => format!("UIDVALIDITY {}", status.uid_validity),
            StatusItem::Unseen => format!("UNSEEN {}", status.unseen),
        };
        let items: Vec<_> = items.iter().map(item).collect();
        self.out.extend_from_slice(b"* STATUS ");
        respond::mailbox(&mut self.out, &name);
        respond::line(&mut self.out, &format!(" ({})", items.join(" ")));
        self.tagged(tag, "OK STATUS completed");
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
        if self.opened.as_ref().is_some_and(|opened| opened.read_only) {
            self.tagged(tag, "NO [READ-ONLY] The mailbox was opened with EXAMINE");
            return None;
        }
        self.selected(tag)
    }

    /// Ends the session's hold on a mailbox that turned out to be deleted.
    pub(crate) fn lost(&mut self, tag: &str, error: &ServiceError) {
        self.refuse(tag, error);
        if matches!(error, ServiceError::NoSuchMailbox | ServiceError::Stale) {
            self.bye("The mailbox is gone");
        }
    }
}

/// RFC 3348, RFC 6154 and RFC 3501 §7.2.2.
fn attributes(info: &MailboxInfo, only_parent: bool) -> String {
    let mut all = vec![if info.has_children { "\\HasChildren" } else { "\\HasNoChildren" }];
    if info.no_select || only_parent {
        all.push("\\Noselect");
    }
    all.extend(info.special_use.map(|special_use| special_use.attribute()));
    all.join(" ")
}

/// RFC 3501 §6.3.8: `*` is anything, `%` anything without the delimiter. In time proportional to
/// pattern times name, whatever the pattern.
fn matches(pattern: &str, name: &MailboxName) -> bool {
    let pattern: Vec<char> = if name.is_inbox() {
        pattern.to_uppercase().chars().collect()
    } else {
        pattern.chars().collect()
    };
    let name: Vec<char> = name.as_str().chars().collect();
    // reachable[i]: the pattern so far matches the first i characters of the name.
    let mut reachable = vec![false; name.len() + 1];
    reachable[0] = true;
    for &wild in &pattern {
        match wild {
            '*' | '%' => {
                for index in 1..=name.len() {
                    let passes = wild == '*' || name[index - 1] != MailboxName::DELIMITER;
                    reachable[index] |= passes && reachable[index - 1];
                }
            }
            exact => {
                for index in (1..=name.len()).rev() {
                    reachable[index] = reachable[index - 1] && name[index - 1] == exact;
                }
                reachable[0] = false;
            }
        }
    }
    reachable[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_rfc_3501_6_3_8_says() {
        let name = |text| MailboxName::parse(text).unwrap();
        for (pattern, mailbox, wanted) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a*", "a/b", true),
            ("a%", "a/b", false),
            ("inbox", "INBOX", true),
            ("%b", "ab", true),
            ("", "a", false),
            ("a", "A", false),
            ("É%", "Été", true),
        ] {
            assert_eq!(matches(pattern, &name(mailbox)), wanted, "{pattern} {mailbox}");
        }
        assert!(!matches(&"*a".repeat(500), &name(&"b".repeat(500))));
    }
}
