//! `To`, `Cc` and `Bcc` as people type them: read, checked, written again.

use mail_message::address;
use mail_service::RecipientError;
use mail_service::queue::{Addressee, Destination};
use mail_types::EmailAddress;

use super::{Fields, Mistake, mistake};
use crate::account::Signed;

pub(crate) type People = Vec<(String, EmailAddress)>;

/// Everybody the message is for.
#[derive(Default)]
pub(crate) struct Addressed {
    pub(crate) to: People,
    pub(crate) cc: People,
    pub(crate) bcc: People,
}

impl Addressed {
    /// Reads the three lists. W8: a line break or control in a field is refused, not mended.
    pub(crate) fn read(signed: &Signed, fields: &Fields) -> Result<Self, Vec<Mistake>> {
        let locale = signed.locale();
        let max = signed.visit.webmail.settings().recipients_max;
        let mut mistakes = Vec::new();
        let lists = [("a", &fields.to), ("cc", &fields.cc), ("cci", &fields.bcc)];
        let [to, cc, bcc] = lists.map(|(field, text)| match read_list(text, max) {
            Ok(people) => people,
            Err(Unreadable::Control) => {
                mistakes.push(mistake(field, locale.text("compose-control")));
                Vec::new()
            }
            Err(Unreadable::Addresses(wrong)) => {
                let text = locale.with("compose-not-an-address", "addresses", wrong.join(", "));
                mistakes.push(mistake(field, text));
                Vec::new()
            }
        });
        let count = to.len() + cc.len() + bcc.len();
        if count == 0 && mistakes.is_empty() {
            mistakes.push(mistake("a", locale.text("compose-nobody")));
        }
        if count > max {
            mistakes.push(mistake("a", locale.with("compose-too-many", "max", max as u32)));
        }
        if has_control(&fields.subject) {
            mistakes.push(mistake("objet", locale.text("compose-control")));
        }
        if mistakes.is_empty() { Ok(Self { to, cc, bcc }) } else { Err(mistakes) }
    }

    /// Everybody, with the names that were typed.
    pub(crate) fn people(&self) -> People {
        [&self.to, &self.cc, &self.bcc].into_iter().flatten().cloned().collect()
    }

    /// Everybody once, with the field in which they stand.
    fn each(&self) -> Vec<(&'static str, &EmailAddress)> {
        let mut seen = std::collections::HashSet::new();
        let lists = [("a", &self.to), ("cc", &self.cc), ("cci", &self.bcc)].into_iter();
        lists
            .flat_map(|(field, people)| people.iter().map(move |(_, address)| (field, address)))
            .filter(|(_, address)| seen.insert(address.lookup_key()))
            .collect()
    }

    /// Asks about each recipient; those that cannot be written to are named beside their field.
    pub(crate) async fn check(&self, signed: &Signed) -> Result<Vec<Addressee>, Vec<Mistake>> {
        let sends_out = signed.service().settings().sends_out;
        let mut accepted = Vec::new();
        let mut refused: Vec<(&'static str, &'static str, String)> = Vec::new();
        for (field, address) in self.each() {
            match signed.service().recipient(address, None).await {
                Ok(recipient) => accepted.push(Addressee::new(Destination::Here(recipient))),
                Err(RecipientError::NotHosted) if sends_out => {
                    accepted.push(Addressee::new(Destination::Elsewhere(address.clone())));
                }
                Err(RecipientError::NotHosted) => {
                    refused.push((field, "compose-outside", address.to_string()));
                }
                Err(RecipientError::UnknownUser) => {
                    refused.push((field, "compose-unknown", address.to_string()));
                }
                Err(RecipientError::OverQuota) => {
                    refused.push((field, "compose-full", address.to_string()));
                }
                Err(RecipientError::TryAgain(error)) => {
                    tracing::warn!(%error, "recipient not checked");
                    return Err(vec![mistake("envoyer", signed.locale().text("error-busy"))]);
                }
            }
        }
        if refused.is_empty() { Ok(accepted) } else { Err(named(signed, &refused)) }
    }
}

/// One sentence for each field and reason.
fn named(signed: &Signed, refused: &[(&'static str, &'static str, String)]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for field in ["a", "cc", "cci"] {
        for name in ["compose-unknown", "compose-outside", "compose-full"] {
            let here = refused.iter().filter(|(f, n, _)| *f == field && *n == name);
            let addresses: Vec<_> = here.map(|(_, _, address)| address.as_str()).collect();
            if !addresses.is_empty() {
                let text = signed.locale().with(name, "addresses", addresses.join(", "));
                mistakes.push(mistake(field, text));
            }
        }
    }
    mistakes
}

/// Why a list could not be read.
#[derive(Debug, PartialEq)]
pub(crate) enum Unreadable {
    /// Something in it could end a header field.
    Control,
    /// These are no addresses.
    Addresses(Vec<String>),
}

/// Whether a text could end a header field.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Reads a list; of more than `max` people, `max` and one.
pub(crate) fn read_list(text: &str, max: usize) -> Result<People, Unreadable> {
    if has_control(text) {
        return Err(Unreadable::Control);
    }
    let mut people = Vec::new();
    let mut wrong = Vec::new();
    for (name, address) in address::mailboxes(text.as_bytes(), max + 1) {
        match address.parse() {
            Ok(address) => people.push((name, address)),
            Err(_) if address.is_empty() => wrong.push(name),
            Err(_) => wrong.push(address),
        }
    }
    if wrong.is_empty() { Ok(people) } else { Err(Unreadable::Addresses(wrong)) }
}

/// The people of a list in which all are addresses.
pub(crate) fn read(text: &str, max: usize) -> Option<People> {
    read_list(text, max).ok()
}

/// `Marie Martin <marie@ac.test>, …` as people type it.
pub(crate) fn list<'a>(people: impl Iterator<Item = &'a (String, String)>) -> String {
    let one = |(name, address): &(String, String)| match name.as_str() {
        "" => address.clone(),
        name if name.chars().all(|c| c.is_alphanumeric() || " -'’.".contains(c)) => {
            format!("{name} <{address}>")
        }
        name => format!("\"{}\" <{address}>", name.replace(['"', '\\'], "")),
    };
    people.map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_type_them() {
        let read = |text: &str| {
            let people = read_list(text, 10).unwrap();
            people.into_iter().map(|(_, a)| a.to_string()).collect::<Vec<_>>().join(" ")
        };
        for (typed, wanted) in [
            ("", ""),
            ("a@b.test", "a@b.test"),
            ("a@b.test; c@d.test ;", "a@b.test c@d.test"),
            ("Marie Été <a@b.test>, \"X, Y\" <c@d.test>", "a@b.test c@d.test"),
        ] {
            assert_eq!(read(typed), wanted, "{typed}");
        }
    }

    #[test]
    fn nothing_is_injected_through_an_address() {
        for typed in ["a@b.test\r\nBcc: x@y.test", "a\nb@c.test", "a@b.test\0", "a@b.test\u{2028}"]
        {
            assert_eq!(read_list(typed, 10), Err(Unreadable::Control), "{typed:?}");
        }
        let wrong = |typed: &str| match read_list(typed, 10) {
            Err(Unreadable::Addresses(wrong)) => wrong,
            other => panic!("{typed}: {other:?}"),
        };
        assert_eq!(wrong("marie"), ["marie"]);
        assert_eq!(wrong("a@b.test, x@"), ["x@"]);
    }

    #[test]
    fn what_is_listed_reads_back_as_it_was() {
        let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
        let given = [pair("O’Neil, \"X\"", "a@b.test"), pair("Élise Été", "e@b.test")];
        let typed = list(given.iter());
        let read = address::mailboxes(typed.as_bytes(), 9);
        assert_eq!(read, vec![pair("O’Neil, X", "a@b.test"), pair("Élise Été", "e@b.test")]);
    }
}
