//! LIST with the options of RFC 5258 and RFC 5819, and LSUB.

use std::collections::BTreeMap;

use imap_session::{List, Selection, decode_utf7, respond};
use mail_service::{MailboxInfo, ServiceError};
use mail_types::MailboxName;

use crate::connection::Connection;

/// Longest LIST pattern that is matched.
const PATTERN_BYTES_MAX: usize = 1024;

impl Connection {
    pub(crate) async fn list(&mut self, tag: &str, list: &List) {
        let is_empty = list.patterns.iter().all(Vec::is_empty);
        if is_empty && !list.is_extended {
            // RFC 3501 §6.3.8: asks for the delimiter and the root of the reference.
            respond::line(&mut self.out, "* LIST (\\Noselect) \"/\" \"\"");
            return self.tagged(tag, "OK LIST completed");
        }
        let patterns = list.patterns.iter().map(|pattern| Pattern::new(&list.reference, pattern));
        let Some(patterns) = patterns.collect::<Option<Vec<_>>>() else {
            return self.tagged(tag, "NO [CANNOT] The pattern is not modified UTF-7 or too long");
        };
        let names = match self.names().await {
            Ok(names) => names,
            Err(error) => return self.refuse(tag, &error),
        };
        let shown = |name: &MailboxName| patterns.iter().any(|pattern| pattern.matches(name));
        for (name, held) in names.0.iter().filter(|(name, _)| shown(name)) {
            let is_selected = held.is_selected(list.selection);
            // RFC 5258 §3.5: told of what the patterns hide below.
            let hides = list.selection.recursive_match
                && names
                    .below(name)
                    .any(|(below, held)| held.is_selected(list.selection) && !shown(below));
            if !is_selected && !hides {
                continue;
            }
            self.tell_name("LIST", name, &held.attributes(list.return_subscribed));
            if hides {
                self.out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
            }
            self.out.extend_from_slice(b"\r\n");
            // RFC 5819 §2: no STATUS for what cannot be selected.
            if let Some(info) = held.info.as_ref().filter(|info| !info.no_select)
                && !list.status.is_empty()
            {
                self.tell_status(name, &list.status, &info.status);
            }
        }
        self.tagged(tag, "OK LIST completed");
    }

    pub(crate) async fn lsub(&mut self, tag: &str, reference: &[u8], pattern: &[u8]) {
        let Some(pattern) = Pattern::new(reference, pattern) else {
            return self.tagged(tag, "NO [CANNOT] The pattern is not modified UTF-7 or too long");
        };
        let names = match self.names().await {
            Ok(names) => names,
            Err(error) => return self.refuse(tag, &error),
        };
        for (name, held) in names.0.iter().filter(|(name, _)| pattern.matches(name)) {
            if held.is_subscribed {
                self.tell_name("LSUB", name, &held.attributes(false));
            } else if pattern.0.ends_with('%')
                && names.below(name).any(|(_, held)| held.is_subscribed)
            {
                // RFC 3501 §6.3.9: "foo" is not subscribed and "foo/bar" is: with "%" that is
                // told as "foo" with \Noselect.
                self.tell_name("LSUB", name, "\\Noselect");
            } else {
                continue;
            }
            self.out.extend_from_slice(b"\r\n");
        }
        self.tagged(tag, "OK LSUB completed");
    }

    /// `* LIST (attributes) "/" name`, without line end.
    fn tell_name(&mut self, verb: &str, name: &MailboxName, attributes: &str) {
        self.out.extend_from_slice(format!("* {verb} ({attributes}) \"/\" ").as_bytes());
        respond::mailbox(&mut self.out, name);
    }

    async fn names(&self) -> Result<Names, ServiceError> {
        let Some((actor, owner)) = self.owner() else { return Ok(Names::default()) };
        let mut names = Names::default();
        for info in self.mail().mailboxes(actor, owner).await? {
            let is_subscribed = info.subscribed;
            names.0.insert(info.name.clone(), Held { info: Some(info), is_subscribed });
        }
        for name in self.mail().subscriptions(actor, owner).await? {
            for parent in std::iter::successors(name.parent(), MailboxName::parent) {
                names.0.entry(parent).or_default();
            }
            names.0.entry(name).or_default().is_subscribed = true;
        }
        Ok(names)
    }
}

/// Every name there is: mailboxes, subscribed names whose mailbox is gone, and what lies above
/// those.
#[derive(Default)]
struct Names(BTreeMap<MailboxName, Held>);

impl Names {
    fn below<'a>(
        &'a self,
        name: &'a MailboxName,
    ) -> impl Iterator<Item = (&'a MailboxName, &'a Held)> {
        self.0.iter().filter(|(other, _)| other.is_below(name))
    }
}

#[derive(Default)]
struct Held {
    info: Option<MailboxInfo>,
    is_subscribed: bool,
}

impl Held {
    /// RFC 5258 §3.1. A name without mailbox is listed only where subscriptions are asked for.
    fn is_selected(&self, selection: Selection) -> bool {
        let special_use = self.info.as_ref().and_then(|info| info.special_use);
        (self.is_subscribed || !selection.subscribed)
            && (special_use.is_some() || !selection.special_use)
            && (self.info.is_some() || selection.subscribed)
    }

    /// RFC 3501 §7.2.2, RFC 3348, RFC 5258 §3 and RFC 6154 §2.
    fn attributes(&self, tells_subscribed: bool) -> String {
        let mut all = Vec::new();
        match &self.info {
            Some(info) => {
                all.push(if info.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
                all.extend(info.no_select.then_some("\\Noselect"));
                all.extend(info.special_use.map(|special_use| special_use.attribute()));
            }
            None if tells_subscribed => all.push("\\NonExistent"),
            None => {}
        }
        all.extend((tells_subscribed && self.is_subscribed).then_some("\\Subscribed"));
        all.join(" ")
    }
}

/// RFC 3501 §6.3.8: a name with wildcards.
struct Pattern(String);

impl Pattern {
    fn new(reference: &[u8], pattern: &[u8]) -> Option<Self> {
        let text = decode_utf7(&[reference, pattern].concat()).ok()?;
        (text.len() <= PATTERN_BYTES_MAX).then_some(Self(text))
    }

    fn matches(&self, name: &MailboxName) -> bool {
        matches(&self.0, name)
    }
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
