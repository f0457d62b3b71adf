//! Drafts: what is being written is a message in the mailbox of drafts, replaced each time it is
//! saved, so that every client sees it and nothing typed depends on this browser.
//!
//! A page that writes has an id of its own, and the drafts it saves carry it in their
//! `Message-ID`. So an answer that got lost on its way does not make the next save a second
//! draft; and when another page has replaced the draft that this one began with, what is typed
//! here becomes a draft of its own instead of wiping out what was typed there.

use hyper::{Response, StatusCode};
use mail_message::structure::StructureRow;
use mail_message::{address, header};
use mail_service::{MailboxInfo, MessageRow, OpenMailbox, ServiceError};
use mail_types::{Flag, FlagSet, MailboxId, MailboxName, SpecialUse, Uid, UidSet};

use super::recipients::{Addressed, has_control, list, read_list};
use super::writing::{self, Writing};
use super::{Fields, Kind, Origin, View, new_id, page};
use crate::account::{Signed, parse_uid, special};
use crate::body::{Contents, Found, Piece};
use crate::error::Error;
use crate::headers;
use crate::http::Body;
use crate::people::clean;
use crate::url;

/// Newest drafts among which a page's own one is looked for.
const SEARCHED_MAX: usize = 200;
/// Addresses taken over from a draft's header.
const PEOPLE_MAX: usize = 1000;
/// Characters of a field of ours on one word, so that it can be folded.
const NOTE_WORD: usize = 60;

/// What was typed where no addresses stand yet, and what is answered: fields of our own.
const NOTES: [&str; 4] = ["X-Facteur-To", "X-Facteur-Cc", "X-Facteur-Bcc", "X-Facteur-Origin"];

/// Which draft a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DraftId {
    account: u64,
    uid_validity: u32,
    pub(crate) uid: u32,
}

impl DraftId {
    /// `account.uidvalidity.uid`, as forms spell it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '.');
        let account = numbers.next()?.parse().ok()?;
        let uid_validity = numbers.next()?.parse().ok()?;
        Some(Self { account, uid_validity, uid: numbers.next()?.parse().ok()? })
    }
}

impl std::fmt::Display for DraftId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.account, self.uid_validity, self.uid)
    }
}

/// The mailbox of drafts.
pub(crate) struct Drafts {
    open: OpenMailbox,
}

impl Drafts {
    /// Opens it; whoever deleted theirs gets a new one.
    pub(crate) async fn open(signed: &Signed, mailboxes: &[MailboxInfo]) -> Result<Self, Error> {
        let (service, actor, owner) = (signed.service(), signed.actor(), signed.owner());
        let name = match special(mailboxes, SpecialUse::Drafts) {
            Some(name) => name.clone(),
            None => {
                let name = MailboxName::parse(&signed.locale().text("folder-drafts"));
                let name = name.map_err(|_| Error::NotFound)?;
                match service.create(actor, owner, &name, Some(SpecialUse::Drafts)).await {
                    Ok(_) | Err(ServiceError::AlreadyExists) => name,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Self { open: service.open_mailbox(actor, owner, &name).await? })
    }

    /// The draft that a form continues; and whether it continues one that is no longer there.
    pub(crate) async fn find(
        &self,
        signed: &Signed,
        fields: &Fields,
    ) -> Result<(Option<Found>, bool), Error> {
        let snapshot = self.open.snapshot();
        // Somebody else may have logged in since the page was made.
        let is_own = |draft: &&DraftId| {
            draft.account == signed.owner().0 && draft.uid_validity == snapshot.uid_validity.0.get()
        };
        let shown = fields.draft.as_ref().filter(is_own);
        let there =
            shown.and_then(|draft| Uid::new(draft.uid)).filter(|uid| snapshot.get(*uid).is_some());
        let uid = match there {
            Some(uid) => Some(uid),
            None => self.written_here(signed, &fields.id).await?,
        };
        let found = match uid {
            Some(uid) => self.look_up(signed, uid).await?,
            None => None,
        };
        let is_lost = shown.is_some() && found.is_none();
        Ok((found, is_lost))
    }

    /// The draft that this page saved before, when its answer got lost.
    async fn written_here(&self, signed: &Signed, id: &str) -> Result<Option<Uid>, Error> {
        let snapshot = self.open.snapshot();
        let newest = snapshot.len().saturating_sub(SEARCHED_MAX)..snapshot.len();
        let uids: UidSet =
            newest.filter_map(|place| snapshot.at(place)).map(|entry| entry.uid.get()).collect();
        let service = signed.service();
        let rows = service.messages(signed.actor(), &self.open, &uids, SEARCHED_MAX).await?;
        let own = message_id(signed, id);
        let is_own = |row: &MessageRow| row.summary.message_id.as_ref() == Some(&own);
        Ok(rows.into_iter().rev().find(|(_, row)| is_own(row)).map(|(uid, _)| uid))
    }

    async fn look_up(&self, signed: &Signed, uid: Uid) -> Result<Option<Found>, Error> {
        match Found::look_up(signed.service(), signed.actor(), self.open.clone(), uid).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names a draft within the account.
    pub(crate) fn place(&self, found: &Found) -> (MailboxId, Uid) {
        (self.open.id(), found.uid)
    }

    fn id(&self, signed: &Signed, uid: Uid) -> DraftId {
        let uid_validity = self.open.snapshot().uid_validity.0.get();
        DraftId { account: signed.owner().0, uid_validity, uid: uid.get() }
    }
}

/// The `Message-ID` of what a page writes, without brackets.
pub(crate) fn message_id(signed: &Signed, id: &str) -> String {
    format!("{id}@{}", signed.service().settings().hostname)
}

/// Saves what is being written in place of what was saved before. Durable on return.
pub(crate) async fn save(writing: &mut Writing<'_>) -> Result<(), Error> {
    let (signed, fields) = (writing.signed, &writing.fields);
    let own = match writing.sender().await {
        Ok(own) => own,
        // The choice is asked for again before anything is sent.
        Err(_) => signed.account.primary_address.clone(),
    };
    let recipients_max = signed.visit.webmail.settings().recipients_max;
    let mut notes = Vec::new();
    let mut people = |text: &str, note| match read_list(text, recipients_max) {
        Ok(people) if people.len() <= recipients_max => people,
        _ => {
            notes.push((note, to_note(text)));
            Vec::new()
        }
    };
    let addressed = Addressed {
        to: people(&fields.to, NOTES[0]),
        cc: people(&fields.cc, NOTES[1]),
        bcc: people(&fields.bcc, NOTES[2]),
    };
    notes.extend(origin_note(fields));
    let (mut draft, _held) = writing.compose(addressed, own, None).await?;
    draft.notes = notes;
    if has_control(&draft.subject) {
        draft.subject = clean(&draft.subject, 500);
    }
    let made = tokio::task::spawn_blocking(move || draft.to_own_copy()).await;
    let bytes = made.map_err(|_| Error::Worker)?;
    let bytes = bytes.map_err(|_| Error::BadRequest("a draft that cannot be written"))?;
    let message = writing::store(signed, &bytes).await?;
    let old: UidSet = writing.saved.iter().map(|found| found.uid.get()).collect();
    let flags: FlagSet = [Flag::Draft, Flag::Seen].into_iter().collect();
    let drafts = &writing.drafts;
    let service = signed.service();
    let saved = service.replace(signed.actor(), &drafts.open, &old, message, flags, None).await?;
    let id = drafts.id(signed, saved.uid);
    let found = drafts.look_up(signed, saved.uid).await?;
    writing.fields.draft = Some(id);
    writing.saved = found;
    Ok(())
}

/// What is answered, as a field of ours.
pub(crate) fn origin_note(fields: &Fields) -> Option<(&'static str, String)> {
    let Origin { kind, mailbox, uid, uid_validity } = fields.origin.as_ref()?;
    let text = format!("{} {uid_validity} {uid} {mailbox}", kind.as_str());
    Some((NOTES[3], to_note(&text)))
}

/// Opens the mailbox of drafts, so that there is one.
pub(crate) async fn open_mailbox(
    signed: &Signed,
    mailboxes: &[MailboxInfo],
) -> Result<OpenMailbox, Error> {
    Ok(Drafts::open(signed, mailboxes).await?.open)
}

/// Removes the draft: it is not wanted.
pub(crate) async fn remove(writing: &Writing<'_>) -> Result<(), Error> {
    let Some(found) = &writing.saved else { return Ok(()) };
    let only = UidSet::range(found.uid.get(), found.uid.get());
    let signed = writing.signed;
    Ok(signed.service().remove(signed.actor(), &writing.drafts.open, &only).await?)
}

/// `/ecrire/{uid}`: goes on with a draft, whoever wrote it.
pub(crate) async fn open(signed: &Signed, uid: &str) -> Result<Response<Body>, Error> {
    let uid = parse_uid(uid)?;
    let mailboxes = signed.mailboxes().await?;
    let name = special(&mailboxes, SpecialUse::Drafts).ok_or(Error::NotFound)?;
    let read = format!("/m/{}/{uid}", url::encode(name.as_str()));
    if signed.account.is_read_only() {
        return Ok(headers::see_other(&signed.visit, &read));
    }
    let drafts = Drafts::open(signed, &mailboxes).await?;
    let found = drafts.look_up(signed, uid).await?.ok_or(Error::NotFound)?;
    let contents = Contents::of(&found.structure);
    let text_max = signed.visit.webmail.settings().form_bytes_max;
    let (text, is_cut) = found.plain(&contents, text_max).await?;
    if is_cut {
        // Saving what was cut would lose the rest: it can be read only.
        return Ok(headers::see_other(&signed.visit, &read));
    }
    let raw = raw_header(signed, &found).await?;
    let [to, cc, bcc] = [("To", 0), ("Cc", 1), ("Bcc", 2)].map(|(field, note)| {
        from_note(&raw, NOTES[note]).unwrap_or_else(|| {
            let value = header::first(&raw, field).unwrap_or_default();
            list(address::mailboxes(&value, PEOPLE_MAX).iter())
        })
    });
    let from = found.row.summary.from.as_ref().map(|(_, address)| address.clone());
    let fields = Fields {
        id: new_id(),
        from: from.unwrap_or_default(),
        to,
        cc,
        bcc,
        subject: clean(&found.row.summary.subject, 500),
        text: text.replace("\r\n", "\n"),
        when: String::new(),
        origin: from_note(&raw, NOTES[3]).and_then(|note| origin(&note)),
        draft: Some(drafts.id(signed, uid)),
        originals: Vec::new(),
    };
    page(
        signed,
        StatusCode::OK,
        &mailboxes,
        fields,
        View { saved: Some(&found), ..View::default() },
    )
}

/// `kind uidvalidity uid mailbox`
fn origin(note: &str) -> Option<Origin> {
    let mut words = note.splitn(4, ' ');
    let kind = Kind::parse(words.next()?)?;
    let uid_validity = words.next()?.to_owned();
    let uid = words.next()?.to_owned();
    Some(Origin { kind, uid_validity, uid, mailbox: words.next()?.to_owned() })
}

/// A draft's files; pictures within an HTML text become files, for the text is written plain.
pub(crate) fn files(structure: &StructureRow) -> Vec<Piece> {
    let mut contents = Contents::of(structure);
    contents.show_pictures_as_files(structure);
    contents.files
}

/// `In-Reply-To` and `References` of a draft.
pub(crate) async fn thread(
    signed: &Signed,
    found: &Found,
) -> Result<(Option<String>, Vec<String>), Error> {
    let raw = raw_header(signed, found).await?;
    let ids = |name| header::message_ids(&header::first(&raw, name).unwrap_or_default());
    Ok((ids("In-Reply-To").into_iter().next(), ids("References")))
}

async fn raw_header(signed: &Signed, found: &Found) -> Result<Vec<u8>, Error> {
    let only = UidSet::range(found.uid.get(), found.uid.get());
    let headers = signed.service().headers(signed.actor(), &found.open, &only, 1).await?;
    Ok(headers.into_iter().next().map(|(_, raw)| raw.to_vec()).unwrap_or_default())
}

/// A text as a field of ours: percent-encoded, in words short enough to be folded.
fn to_note(text: &str) -> String {
    let encoded = url::encode(text);
    let words: Vec<&str> = (0..encoded.len())
        .step_by(NOTE_WORD)
        .map(|start| &encoded[start..encoded.len().min(start + NOTE_WORD)])
        .collect();
    words.join(" ")
}

fn from_note(raw: &[u8], name: &str) -> Option<String> {
    let value = String::from_utf8(header::first(raw, name)?).ok()?;
    let encoded: String = value.split_whitespace().collect();
    url::parse_path(&format!("/{encoded}"))?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_survives_its_field() {
        for typed in ["mar", "Élise, \"x", &"a@b.test,".repeat(500), "a/b % +", "x\r\nBcc: y"] {
            let raw = format!("X-Facteur-To: {}\r\n\r\n", to_note(typed).replace(' ', "\r\n "));
            assert!(!raw.contains("\r\nBcc"));
            assert_eq!(from_note(raw.as_bytes(), "X-Facteur-To").as_deref(), Some(typed));
        }
        assert_eq!(from_note(b"X-Facteur-To: %zz\r\n\r\n", "X-Facteur-To"), None);
    }

    #[test]
    fn a_draft_is_named_with_its_account() {
        let id = DraftId { account: 7, uid_validity: 3, uid: 9 };
        assert_eq!(DraftId::parse(&id.to_string()), Some(id));
        for wrong in ["", "1.2", "1.2.x", "1.2.3.4", "-1.2.3"] {
            assert_eq!(DraftId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_answered_is_remembered_with_a_mailbox_of_any_name() {
        let read = origin("repondre 5 12 Dossier à moi").unwrap();
        assert_eq!((read.kind, read.mailbox.as_str()), (Kind::Reply, "Dossier à moi"));
        assert_eq!(origin("rien 1 2 x"), None);
    }
}
