//! Answers and forwards: whom to write to, what to quote, which files to take along.

use hyper::{Response, StatusCode};
use mail_message::{address, compose, header};
use mail_service::MailboxInfo;
use mail_types::UidSet;

use super::form::Typed;
use super::recipients::list;
use super::{Fields, Kind, Origin, Original, View, new_id, page};
use crate::account::{Signed, parse_uid};
use crate::attachment::name_of;
use crate::body::{Contents, Found};
use crate::date;
use crate::error::Error;
use crate::http::Body;
use crate::people::{Person, clean};

/// Bytes of a message that are quoted.
const QUOTE_BYTES_MAX: usize = 64 * 1024;
/// Addresses taken over from a header.
const PEOPLE_MAX: usize = 200;

/// `/m/{name}/{uid}/repondre`, `…/repondre-a-tous`, `…/transferer`
pub(crate) async fn answer(
    signed: &Signed,
    name: &str,
    uid: &str,
    kind: &str,
) -> Result<Response<Body>, Error> {
    let kind = Kind::parse(kind).ok_or(Error::NotFound)?;
    let mailboxes = signed.mailboxes().await?;
    let open = signed.open(&mailboxes, name).await?;
    let uid_validity = open.snapshot().uid_validity.to_string();
    let found = Found::look_up(signed.service(), signed.actor(), open, parse_uid(uid)?).await?;
    let contents = Contents::of(&found.structure);
    let (text, _) = found.plain(&contents, QUOTE_BYTES_MAX).await?;
    let people = People::of(signed, &found).await?;
    let subject = &found.row.summary.subject;
    let mut fields = Fields {
        id: new_id(),
        subject: match kind {
            Kind::Forward => compose::forward_subject(subject),
            Kind::Reply | Kind::ReplyAll => compose::reply_subject(subject),
        },
        text: match kind {
            Kind::Forward => forwarded(signed, &found, &people, &text),
            Kind::Reply | Kind::ReplyAll => compose::quote(&heading(signed, &found), &text),
        },
        origin: Some(Origin { kind, mailbox: name.to_owned(), uid: uid.to_owned(), uid_validity }),
        ..Fields::default()
    };
    if kind != Kind::Forward {
        (fields.to, fields.cc) = people.recipients(kind);
    }
    fields.originals = originals(signed, &fields, Some(&found), None);
    page(signed, StatusCode::OK, &mailboxes, fields, View::default())
}

/// Finds the message a form says it answers; `None` when it is gone meanwhile.
pub(crate) async fn find_origin(
    signed: &Signed,
    mailboxes: &[MailboxInfo],
    origin: &Origin,
) -> Result<Option<Found>, Error> {
    let Ok(uid) = parse_uid(&origin.uid) else { return Ok(None) };
    let open = match signed.open(mailboxes, &origin.mailbox).await {
        Ok(open) => open,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    if open.snapshot().uid_validity.to_string() != origin.uid_validity {
        return Ok(None);
    }
    match Found::look_up(signed.service(), signed.actor(), open, uid).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The files of a message that is forwarded; all are chosen until a form says which.
pub(crate) fn originals(
    signed: &Signed,
    fields: &Fields,
    origin: Option<&Found>,
    typed: Option<&Typed>,
) -> Vec<Original> {
    let is_forward = fields.origin.as_ref().is_some_and(|origin| origin.kind == Kind::Forward);
    let Some(found) = origin.filter(|_| is_forward) else { return Vec::new() };
    let original = |file: &crate::body::Piece| {
        let part = file.number();
        let is_chosen = typed.is_none_or(|typed| typed.all("piece").any(|chosen| chosen == part));
        let size = date::size(signed.locale(), file.size());
        Original { name: name_of(file), size, part, is_chosen }
    };
    Contents::of(&found.structure).files.iter().map(original).collect()
}

/// Who wrote to whom.
struct People {
    /// Addresses of whoever answers.
    own: Vec<String>,
    /// `Reply-To`, or else `From`.
    sender: Vec<(String, String)>,
    to: Vec<(String, String)>,
    cc: Vec<(String, String)>,
}

impl People {
    async fn of(signed: &Signed, found: &Found) -> Result<Self, Error> {
        let only = UidSet::range(found.uid.get(), found.uid.get());
        let headers = signed.service().headers(signed.actor(), &found.open, &only, 1).await?;
        let raw = headers.into_iter().next().map(|(_, raw)| raw).unwrap_or_default();
        let people = |name| {
            let value = header::first(&raw, name).unwrap_or_default();
            address::mailboxes(&value, PEOPLE_MAX)
        };
        let account = &signed.account;
        let mut own = vec![account.primary_address.lookup_key()];
        own.extend(account.aliases.iter().map(|alias| alias.lookup_key()));
        let reply_to = people("Reply-To");
        let sender = if reply_to.is_empty() { people("From") } else { reply_to };
        Ok(Self { own, sender, to: people("To"), cc: people("Cc") })
    }

    fn is_own(&self, address: &str) -> bool {
        self.own.iter().any(|own| *own == address.to_lowercase())
    }

    /// `To` and `Cc` of an answer. Answering one's own message writes to the same people again.
    fn recipients(&self, kind: Kind) -> (String, String) {
        let own_message = self.sender.iter().all(|(_, address)| self.is_own(address));
        let to = if own_message { &self.to } else { &self.sender };
        if kind != Kind::ReplyAll {
            return (list(to.iter()), String::new());
        }
        let is_new = |(_, address): &&(String, String)| {
            let same = |(_, other): &(String, String)| other.eq_ignore_ascii_case(address);
            !self.is_own(address) && !to.iter().any(same)
        };
        let others = if own_message { [].iter() } else { self.to.iter() };
        (list(to.iter()), list(others.chain(&self.cc).filter(is_new)))
    }
}

fn heading(signed: &Signed, found: &Found) -> String {
    let summary = &found.row.summary;
    let date = summary.date.unwrap_or(found.row.internal_date.unix_seconds());
    let person = summary.from.as_ref().map(|(name, address)| Person::new(name, address).name);
    let values = [("date", signed.calendar().long(date)), ("person", person.unwrap_or_default())];
    signed.locale().with_all("quote-heading", &values)
}

fn forwarded(signed: &Signed, found: &Found, people: &People, text: &str) -> String {
    let (locale, summary) = (signed.locale(), &found.row.summary);
    let date = summary.date.unwrap_or(found.row.internal_date.unix_seconds());
    let from = list(summary.from.iter());
    let values = [
        ("from", from),
        ("date", signed.calendar().long(date)),
        ("to", list(people.to.iter())),
        ("subject", clean(&summary.subject, 300)),
    ];
    let head: Vec<String> =
        ["forward-heading", "forward-from", "forward-date", "forward-to", "forward-subject"]
            .iter()
            .map(|line| locale.with_all(line, &values))
            .collect();
    format!("\n\n{}\n\n{text}", head.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, address: &str) -> (String, String) {
        (name.into(), address.into())
    }

    fn people(sender: &str) -> People {
        People {
            own: vec!["me@ac.test".into(), "alias@ac.test".into()],
            sender: vec![pair("", sender)],
            to: vec![pair("", "Me@ac.test"), pair("Ann, B.", "ann@ac.test")],
            cc: vec![pair("", "bob@ac.test"), pair("", "alias@ac.test"), pair("", sender)],
        }
    }

    #[test]
    fn an_answer_goes_to_the_sender_and_one_to_all_to_all_but_oneself() {
        let people = people("eve@ac.test");
        assert_eq!(people.recipients(Kind::Reply), ("eve@ac.test".into(), String::new()));
        assert_eq!(
            people.recipients(Kind::ReplyAll),
            ("eve@ac.test".into(), "\"Ann, B.\" <ann@ac.test>, bob@ac.test".into())
        );
    }

    #[test]
    fn answering_oneself_writes_to_the_same_people_again() {
        let people = people("me@ac.test");
        let (to, cc) = people.recipients(Kind::ReplyAll);
        assert_eq!(to, "Me@ac.test, \"Ann, B.\" <ann@ac.test>");
        assert_eq!(cc, "bob@ac.test");
    }
}
