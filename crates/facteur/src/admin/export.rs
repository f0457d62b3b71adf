//! `facteur account export`: everything of one account as files that other programs read, for who
//! leaves and for who asks for their data (RGPD, articles 15 and 20).
//!
//! Messages are written byte for byte, one file each, with their flags in `messages.jsonl` beside
//! them: what a mailbox of mbox would have to change in a message, and leave out of its flags, stays
//! as it is.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use directory::Account;
use mail_service::queue::Outgoing;
use mail_service::{MailboxInfo, MessageRow, OpenMailbox};
use mail_types::{Actor, SpecialUse, UidSet};
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::account::{find, moment, text, whole_json};
use super::acting::prove;
use super::{Reporter, Services};
use crate::cli::ExportAccount;

/// Messages whose records are read at once.
const PAGE: usize = 200;
/// Characters of a mailbox's name that are kept in its folder's; its whole name is in the index.
const NAME_CHARS_MAX: usize = 60;
/// Bytes of a message in memory.
const PIECE_BYTES: u64 = 1 << 20;

/// Writes the account into a new directory. Nothing is left of an export that failed but its line
/// in the audit log.
pub(super) async fn run(
    services: &Services,
    asked: &ExportAccount,
    reporter: &Reporter,
) -> Result<(), String> {
    let (by, requester) = prove(services, &asked.acting).await?;
    let account = find(services, &asked.who).await?;
    let dir = asked.to.as_path();
    if dir.exists() {
        return Err(format!("{}: is there already; name a new directory", dir.display()));
    }
    // Whoever reads somebody's mail is written down before they see the first byte of it.
    let office = services.directory.office(&by, &requester);
    office.note_export(account.id, &asked.reason).await.map_err(text)?;
    tracing::warn!(target: "facteur", account = %account.id, by = %by.id, "exported");
    let mut draft = dir.to_owned().into_os_string();
    draft.push(".tmp");
    let draft = PathBuf::from(draft);
    let export = Export { services, reporter, dir: &draft, id: account.id };
    make_dir(&draft)?;
    let finished = export.write(&account).await.and_then(|count| {
        settle(&draft)?;
        std::fs::rename(&draft, dir).map_err(|error| named(dir, &error))?;
        Ok(count)
    });
    match finished {
        Ok(count) => {
            reporter.line(format!(
                "{}: {count} messages, address book and account data in {}",
                account.id,
                dir.display()
            ));
            Ok(())
        }
        Err(error) => {
            let _ = std::fs::remove_dir_all(&draft);
            Err(error)
        }
    }
}

struct Export<'a> {
    services: &'a Services,
    reporter: &'a Reporter,
    dir: &'a Path,
    id: mail_types::AccountId,
}

impl Export<'_> {
    /// All files; how many messages there are.
    async fn write(&self, account: &Account) -> Result<u64, String> {
        let mail = &self.services.mail;
        // First what waits: what leaves meanwhile is then here and among the sent messages.
        let mut done = self.scheduled(&self.dir.join("scheduled")).await?;
        let mailboxes = mail.mailboxes(Actor::System, self.id).await.map_err(text)?;
        let stored: u64 = mailboxes.iter().map(|info| u64::from(info.status.messages)).sum();
        let total = done + stored;
        let root = self.dir.join("mail");
        make_dir(&root)?;
        let mut list = Vec::new();
        for (index, info) in mailboxes.iter().filter(|info| !info.no_select).enumerate() {
            let folder = folder_name(index + 1, info.name.as_str());
            let open = mail.open_mailbox(Actor::System, self.id, &info.name).await;
            let open = open.map_err(text)?;
            let count = self.mailbox(&open, &root.join(&folder), done, total).await?;
            list.push(described(info, &open, &folder, count));
            done += count;
        }
        let book = mail.address_book(Actor::System, self.id).await.map_err(text)?;
        write_file(&self.dir.join("contacts.vcf"), webmail::write_vcards(&book).as_bytes()).await?;
        let data = self.data(account, list).await?;
        write_file(&self.dir.join("account.json"), format!("{data:#}\n").as_bytes()).await?;
        Ok(done)
    }

    /// The messages that were handed in and have not left yet; how many there are.
    async fn scheduled(&self, folder: &Path) -> Result<u64, String> {
        make_dir(folder)?;
        let mut index = create(&folder.join("messages.jsonl")).await?;
        let failed = |error: std::io::Error| named(folder, &error);
        let (mail, owner) = (&self.services.mail, Actor::Account(self.id));
        let (mut after, mut count) = (None, 0);
        loop {
            let page = mail.outbox_after(owner, after).await.map_err(text)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            for (id, _) in page {
                // It may have left since it was listed.
                let Some(entry) = mail.queued(id).await.map_err(text)? else { continue };
                let name = format!("{id}.eml");
                let copy = mail.senders_copy(&entry.message);
                self.waiting(&copy, &folder.join(&name)).await?;
                let leaves = entry.recipients.iter().map(|(_, row)| row.next_attempt).min();
                let to = entry.recipients.iter().map(|(_, row)| row.address.to_string());
                let line = json!({
                    "file": name,
                    "leaves": leaves.map(moment),
                    "to": to.collect::<Vec<_>>(),
                    "bytes": copy.size(),
                });
                index.write_all(format!("{line}\n").as_bytes()).await.map_err(failed)?;
                count += 1;
            }
        }
        index.flush().await.map_err(failed)?;
        Ok(count)
    }

    /// One message that waits.
    async fn waiting(&self, message: &Outgoing, path: &Path) -> Result<(), String> {
        let mut file = create(path).await?;
        let failed = |error: std::io::Error| named(path, &error);
        let mut at = 0;
        while at < message.size() {
            let piece = message.piece(at).await.map_err(text)?;
            at += write_piece(&mut file, &piece, path).await?;
        }
        file.flush().await.map_err(failed)
    }

    /// The messages of one mailbox; how many there are.
    async fn mailbox(
        &self,
        open: &OpenMailbox,
        folder: &Path,
        done: u64,
        total: u64,
    ) -> Result<u64, String> {
        make_dir(folder)?;
        let mut index = create(&folder.join("messages.jsonl")).await?;
        let failed = |error: std::io::Error| named(folder, &error);
        let snapshot = open.snapshot();
        let entries: Vec<_> = snapshot.iter().collect();
        let mut count = 0;
        for page in entries.chunks(PAGE) {
            let (Some(first), Some(last)) = (page.first(), page.last()) else { continue };
            let uids = UidSet::range(first.uid.get(), last.uid.get());
            let mail = &self.services.mail;
            let rows = mail.messages(Actor::System, open, &uids, PAGE).await.map_err(text)?;
            for (uid, row) in rows {
                let Some(entry) = snapshot.get(uid) else { continue };
                let name = format!("{:06}.eml", uid.get());
                self.message(open, &row, &folder.join(&name)).await?;
                let flags: Vec<_> = entry.flags.iter().map(|f| f.as_str().to_owned()).collect();
                let line = json!({
                    "file": name,
                    "uid": uid.get(),
                    "received": entry.internal_date.to_rfc5322(),
                    "flags": flags,
                    "bytes": row.size(),
                });
                index.write_all(format!("{line}\n").as_bytes()).await.map_err(failed)?;
                count += 1;
                self.reporter.progress(done + count, total);
            }
        }
        index.flush().await.map_err(failed)?;
        Ok(count)
    }

    /// One message, byte for byte.
    async fn message(
        &self,
        open: &OpenMailbox,
        row: &MessageRow,
        path: &Path,
    ) -> Result<(), String> {
        let mut file = create(path).await?;
        let failed = |error: std::io::Error| named(path, &error);
        let mut at = 0;
        while at < row.size() {
            let range = at..at + PIECE_BYTES;
            let piece = self.services.mail.read(Actor::System, open, row, range).await;
            at += write_piece(&mut file, &piece.map_err(text)?, path).await?;
        }
        file.flush().await.map_err(failed)
    }

    /// What is known of the person; no password or key, which are kept as hashes only.
    async fn data(&self, account: &Account, mailboxes: Vec<Value>) -> Result<Value, String> {
        let Services { directory, mail, .. } = self.services;
        let used = mail.bytes_used(self.id).await.map_err(text)?;
        let overview = directory.security_overview(self.id).await.map_err(text)?;
        let logins = directory.recent_logins(self.id).await.map_err(text)?;
        let person = directory.person(self.id).await.map_err(text)?;
        let mut data = whole_json(account, &person, used);
        data["mailboxes"] = mailboxes.into();
        data["second_factor_since"] = overview.totp_since.map(moment).into();
        let devices = overview.app_passwords.iter();
        data["devices"] = devices
            .map(|one| json!({ "name": one.name, "created": moment(one.created) }))
            .collect();
        let recovery = overview.recovery.iter();
        data["recovery_addresses"] = recovery
            .map(|one| json!({ "address": one.address.to_string(), "proven": one.is_proven }))
            .collect();
        data["recent_logins"] = logins
            .iter()
            .map(|one| json!({ "from": one.peer.to_string(), "at": moment(one.at) }))
            .collect();
        Ok(data)
    }
}

fn described(info: &MailboxInfo, open: &OpenMailbox, folder: &str, count: u64) -> Value {
    json!({
        "name": info.name.as_str(),
        "folder": folder,
        "special_use": info.special_use.map(SpecialUse::attribute),
        "subscribed": info.subscribed,
        "uid_validity": open.snapshot().uid_validity.0.get(),
        "messages": count,
    })
}

/// A folder for a mailbox: a number, because two names may become alike, and what of the name means
/// nothing to a file system.
fn folder_name(number: usize, name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || " -_".contains(c) { c } else { '_' };
    let kept: String = name.chars().map(plain).take(NAME_CHARS_MAX).collect();
    format!("{number:02} {}", kept.trim())
}

fn make_dir(path: &Path) -> Result<(), String> {
    let made = std::fs::DirBuilder::new().mode(0o700).create(path);
    made.map_err(|error| named(path, &error))
}

/// A new file that only its owner reads.
async fn create(path: &Path) -> Result<BufWriter<tokio::fs::File>, String> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let file = tokio::fs::OpenOptions::from(options).open(path).await;
    file.map(BufWriter::new).map_err(|error| named(path, &error))
}

/// Writes what was read of a message; how many bytes it was.
async fn write_piece(
    file: &mut BufWriter<tokio::fs::File>,
    piece: &[u8],
    path: &Path,
) -> Result<u64, String> {
    if piece.is_empty() {
        return Err(format!("{}: the message ends early", path.display()));
    }
    file.write_all(piece).await.map_err(|error| named(path, &error))?;
    Ok(piece.len() as u64)
}

async fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let mut file = create(path).await?;
    let failed = |error: std::io::Error| named(path, &error);
    file.write_all(bytes).await.map_err(failed)?;
    file.flush().await.map_err(failed)
}

/// On disk before the account may be deleted: one sync of the file system, not one for each message.
fn settle(dir: &Path) -> Result<(), String> {
    let dir_file = std::fs::File::open(dir).map_err(|error| named(dir, &error))?;
    rustix::fs::syncfs(&dir_file).map_err(|error| named(dir, &error.into()))
}

fn named(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_s_folder_stays_one_folder_below_the_export() {
        for (name, wanted) in [
            ("INBOX", "01 INBOX"),
            ("Envoyés", "01 Envoyés"),
            ("Classe 3e B/Parents", "01 Classe 3e B_Parents"),
            ("../../etc", "01 ______etc"),
            ("a\u{202e}\0b", "01 a__b"),
            ("..", "01 __"),
        ] {
            assert_eq!(folder_name(1, name), wanted);
        }
        assert_eq!(folder_name(7, &"é".repeat(900)).chars().count(), 63);
    }
}
