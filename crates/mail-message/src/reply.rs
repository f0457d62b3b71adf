//! Answering and forwarding: subjects, quotations, references, and to whom an answer goes.

use std::collections::HashSet;

use mail_types::EmailAddress;

use crate::{address, header};

/// The subject of a reply: one `Re: ` before the base.
pub fn reply_subject(subject: &str) -> String {
    prefixed("Re: ", subject)
}

/// The subject of a forward: one `Fwd: ` before the base.
pub fn forward_subject(subject: &str) -> String {
    prefixed("Fwd: ", subject)
}

fn prefixed(prefix: &str, subject: &str) -> String {
    let (base, _) = crate::summary::base_subject(subject);
    format!("{prefix}{base}")
}

/// A text as a reply quotes it (RFC 3676 §4.5), with `heading` above.
pub fn quote(heading: &str, text: &str) -> String {
    let mut out = format!("\n\n{heading}\n");
    for line in text.lines() {
        out.push_str(if line.starts_with('>') { ">" } else { "> " });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// RFC 5322 §3.6.4: the references of a reply.
pub fn reply_references(references: &[String], message_id: Option<&str>) -> Vec<String> {
    let mut all: Vec<String> = references.to_vec();
    all.extend(message_id.map(str::to_owned));
    // The root and the nearest ancestors: what threading needs.
    if all.len() > 20 {
        let surplus = all.len() - 20;
        all.drain(1..1 + surplus);
    }
    all
}

/// To whom an answer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// `To`.
    pub to: Vec<(String, EmailAddress)>,
    /// `Cc`.
    pub cc: Vec<(String, EmailAddress)>,
}

/// Who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever asked for answers, or else wrote.
    Author,
    /// They and everybody else who got it.
    Everyone,
}

/// Addresses of one field that are answered.
const RECIPIENTS_MAX: usize = 500;

/// The recipients of an answer to a message with this raw header section, each once and without
/// `own` addresses. What is no address is left out.
pub fn reply_recipients(raw_header: &[u8], own: &[EmailAddress], audience: Audience) -> Recipients {
    let list = |name| -> Vec<(String, EmailAddress)> {
        let value = header::first(raw_header, name).unwrap_or_default();
        let read = |(name, address): (String, String)| Some((name, address.parse().ok()?));
        address::mailboxes(&value, RECIPIENTS_MAX).into_iter().filter_map(read).collect()
    };
    let key = |address: &EmailAddress| address.base().lookup_key();
    let own: HashSet<_> = own.iter().map(key).collect();
    // RFC 5322 §3.6.3: answers go to Reply-To where it is present.
    let mut author = list("Reply-To");
    if author.is_empty() {
        author = list("From");
    }
    let author_again = author.clone();
    let is_own = author.iter().all(|(_, address)| own.contains(&key(address)));
    let (to, cc) = match audience {
        // Whoever answers their own message means those they wrote to.
        _ if is_own && audience == Audience::Author => (list("To"), Vec::new()),
        _ if is_own => (list("To"), list("Cc")),
        Audience::Author => (author, Vec::new()),
        Audience::Everyone => (author, [list("To"), list("Cc")].concat()),
    };
    let mut seen = HashSet::new();
    let mut others = |list: Vec<(String, EmailAddress)>| -> Vec<_> {
        let is_other = |address: &EmailAddress| !own.contains(&key(address));
        let mut first = |address: &EmailAddress| seen.insert(address.lookup_key());
        list.into_iter().filter(|(_, to)| is_other(to) && first(to)).collect()
    };
    let to = others(to);
    let cc = others(cc);
    // A note to oneself is answered to oneself.
    let to = if to.is_empty() && cc.is_empty() { author_again } else { to };
    Recipients { to, cc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_gather_no_prefixes() {
        assert_eq!(reply_subject("RE: Re: Conseil"), "Re: Conseil");
        assert_eq!(reply_subject(""), "Re: ");
        assert_eq!(forward_subject("Re: Conseil"), "Fwd: Conseil");
        assert_eq!(quote("On a dit :", "a\n> b"), "\n\nOn a dit :\n> a\n>> b\n");
    }

    #[test]
    fn references_keep_the_root_and_the_nearest() {
        let many: Vec<String> = (0..50).map(|n| format!("{n}@x")).collect();
        let kept = reply_references(&many, Some("last@x"));
        assert_eq!((kept.len(), kept[0].as_str(), kept[19].as_str()), (20, "0@x", "last@x"));
        assert_eq!(reply_references(&[], Some("a@x")), ["a@x"]);
        assert_eq!(reply_references(&many[..2], None), ["0@x", "1@x"]);
    }

    fn answered(raw: &str, audience: Audience) -> (Vec<String>, Vec<String>) {
        let own = ["me@ac.test".parse().unwrap(), "alias@ac.test".parse().unwrap()];
        let found = reply_recipients(raw.as_bytes(), &own, audience);
        let shown = |list: Vec<(String, EmailAddress)>| {
            list.into_iter().map(|(_, address)| address.to_string()).collect()
        };
        (shown(found.to), shown(found.cc))
    }

    #[test]
    fn an_answer_goes_to_everyone_once_but_not_to_oneself() {
        let raw = "From: Ann <ann@b.test>\r\nTo: me+list@ac.test, bob@b.test, ANN@b.test, nonsense\r\n\
                   Cc: alias@ac.test, BOB@b.test, carl@b.test\r\n\r\n";
        let one = |to: &str| vec![to.to_owned()];
        assert_eq!(answered(raw, Audience::Author), (one("ann@b.test"), vec![]));
        assert_eq!(
            answered(raw, Audience::Everyone),
            (one("ann@b.test"), vec!["bob@b.test".into(), "carl@b.test".into()])
        );
        let asked = format!("Reply-To: list@b.test\r\n{raw}");
        assert_eq!(answered(&asked, Audience::Author).0, ["list@b.test"]);
        let mine = raw.replace("ann@b.test", "me@ac.test");
        assert_eq!(answered(&mine, Audience::Author).0, ["bob@b.test", "ANN@b.test"]);
        let note = "From: me@ac.test\r\nTo: me@ac.test\r\n";
        assert_eq!(answered(note, Audience::Everyone).0, ["me@ac.test"]);
        assert_eq!(answered("", Audience::Everyone), (vec![], vec![]));
    }
}
