//! One client of the mixture: what it asks next, and what it knows about its mailbox.

use std::sync::Arc;
use std::time::Instant;

use super::mixed::{Mixture, Seen};
use crate::corpus::Chance;
use crate::error::Error;
use crate::imap::{Answer, Completion, Imap, numbered};

/// A session's knowledge of the selected mailbox.
pub(crate) struct Client {
    mixture: Arc<Mixture>,
    chance: Chance,
    seen: Seen,
    imap: Imap,
    exists: u32,
}

/// What FETCH asks for; chance picks.
const ITEMS: [&str; 6] = [
    "UID",
    "FLAGS",
    "ENVELOPE",
    "INTERNALDATE",
    "BODYSTRUCTURE",
    "BODY.PEEK[HEADER.FIELDS (From Subject)]",
];
const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "\\Answered", "$Label1"];

impl Client {
    /// Runs rounds until the time is over.
    pub(crate) async fn run(mixture: Arc<Mixture>, number: usize) -> Result<Seen, Error> {
        let mut chance = Chance::new(mixture.options.seed ^ (number as u64) << 32);
        let mut seen = Seen::default();
        let imap = log_in(&mixture, &mut chance, &mut seen).await?;
        let mut client = Self { mixture, chance, seen, imap, exists: 0 };
        client.select().await?;
        while Instant::now() < client.mixture.deadline {
            client.round().await?;
            if client.mixture.options.short_sessions {
                client.command("LOGOUT", "LOGOUT").await?;
                let (mixture, chance) = (&client.mixture, &mut client.chance);
                client.imap = log_in(mixture, chance, &mut client.seen).await?;
                client.select().await?;
            }
        }
        client.imap.logout().await?;
        Ok(client.seen)
    }

    async fn select(&mut self) -> Result<(), Error> {
        self.exists = 0;
        self.command("SELECT", "SELECT INBOX").await
    }

    async fn round(&mut self) -> Result<(), Error> {
        if self.chance.percent(50) {
            self.command("LIST", "LIST \"\" *").await?;
        }
        if self.chance.percent(50) {
            self.command("STATUS", "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)").await?;
        }
        self.fetch().await?;
        if self.chance.percent(50) {
            self.store().await?;
        }
        if self.chance.percent(5) || self.exists == 0 {
            self.append().await?;
        }
        if self.exists as usize > self.mixture.options.messages {
            let number = self.one();
            let command = format!("STORE {number} +FLAGS (\\Deleted)");
            self.command("STORE \\Deleted", &command).await?;
        }
        self.command("EXPUNGE", "EXPUNGE").await
    }

    async fn fetch(&mut self) -> Result<(), Error> {
        if self.exists > 0 {
            let items: Vec<&str> = ITEMS.into_iter().filter(|_| self.chance.percent(40)).collect();
            let items = if items.is_empty() { "FLAGS".into() } else { items.join(" ") };
            let command = format!("FETCH {} ({items})", self.some());
            self.command("FETCH metadata", &command).await?;
        }
        if self.exists > 0 && self.chance.percent(30) {
            let command = format!("FETCH {} (BODY.PEEK[])", self.one());
            self.command("FETCH body", &command).await?;
        }
        Ok(())
    }

    async fn store(&mut self) -> Result<(), Error> {
        if self.exists == 0 {
            return Ok(());
        }
        let sign = if self.chance.percent(50) { '+' } else { '-' };
        let flag = FLAGS[self.chance.below(FLAGS.len())];
        let silent = if self.chance.percent(50) { ".SILENT" } else { "" };
        let command = format!("STORE {} {sign}FLAGS{silent} ({flag})", self.some());
        self.command("STORE", &command).await
    }

    async fn append(&mut self) -> Result<(), Error> {
        let message = self.chance.below(self.mixture.messages.len());
        let started = Instant::now();
        let mixture = Arc::clone(&self.mixture);
        let mut watch = Watch::new("APPEND", &mut self.exists, &mut self.seen);
        let message = &mixture.messages[message];
        let answer = self.imap.append("INBOX", "", message, |line| watch.see(line)).await?;
        self.done("APPEND", "APPEND", started, &answer);
        Ok(())
    }

    /// A message that exists, by sequence number.
    fn one(&mut self) -> u32 {
        self.chance.below(self.exists as usize) as u32 + 1
    }

    /// Up to 20 messages that exist.
    fn some(&mut self) -> String {
        let first = self.one();
        let last = (first + self.chance.below(20) as u32).min(self.exists);
        format!("{first}:{last}")
    }

    async fn command(&mut self, name: &'static str, command: &str) -> Result<(), Error> {
        let started = Instant::now();
        let mut watch = Watch::new(name, &mut self.exists, &mut self.seen);
        let answer = self.imap.run(command, |line| watch.see(line)).await?;
        self.done(name, command, started, &answer);
        Ok(())
    }

    fn done(&mut self, name: &'static str, command: &str, started: Instant, answer: &Answer) {
        self.seen.commands.entry(name).or_default().push(started.elapsed());
        match answer.completion {
            Completion::Ok => {}
            Completion::No => self.seen.refused += 1,
            Completion::Bad => self.seen.violations.push(format!("{command}: {}", answer.text)),
        }
    }
}

async fn log_in(mixture: &Mixture, chance: &mut Chance, seen: &mut Seen) -> Result<Imap, Error> {
    let user = mixture.users.name(chance.below(mixture.users.users));
    let started = Instant::now();
    let imap = Imap::login(&mixture.target, &user, &mixture.users.password).await?;
    seen.commands.entry("LOGIN").or_default().push(started.elapsed());
    Ok(imap)
}

/// Checks untagged responses while a command runs.
struct Watch<'a> {
    command: &'static str,
    exists: &'a mut u32,
    seen: &'a mut Seen,
}

impl<'a> Watch<'a> {
    fn new(command: &'static str, exists: &'a mut u32, seen: &'a mut Seen) -> Self {
        Self { command, exists, seen }
    }

    fn see(&mut self, response: &[u8]) {
        let Some((number, name)) = numbered(response) else { return };
        let violation = match name {
            "EXISTS" if number < *self.exists && self.command != "SELECT" => {
                Some("fewer messages exist, without EXPUNGE")
            }
            "EXISTS" => {
                *self.exists = number;
                None
            }
            "EXPUNGE" | "FETCH" if number == 0 || number > *self.exists => {
                Some("a message that does not exist")
            }
            // RFC 9051 §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH is answered.
            "EXPUNGE" if matches!(self.command, "FETCH metadata" | "FETCH body" | "STORE") => {
                Some("EXPUNGE inside FETCH or STORE")
            }
            "EXPUNGE" => {
                *self.exists -= 1;
                None
            }
            _ => None,
        };
        if let Some(violation) = violation {
            let (command, exists) = (self.command, *self.exists);
            self.seen
                .violations
                .push(format!("{command}, {exists} exist: {number} {name}: {violation}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_the_protocol_forbids_are_counted() {
        for (command, lines, exists, violations) in [
            ("SELECT", &["* 3 EXISTS\r\n"][..], 3, 0),
            ("SELECT", &["* 1 EXISTS\r\n"], 1, 0),
            ("EXPUNGE", &["* 2 EXPUNGE\r\n", "* 1 EXPUNGE\r\n"], 0, 0),
            ("EXPUNGE", &["* 3 EXPUNGE\r\n"], 2, 1),
            ("FETCH body", &["* 1 EXPUNGE\r\n"], 2, 1),
            ("FETCH body", &["* 3 FETCH (FLAGS ())\r\n"], 2, 1),
            ("NOOP", &["* 1 EXISTS\r\n"], 2, 1),
            ("NOOP", &["* 5 EXISTS\r\n", "* 5 FETCH (FLAGS ())\r\n"], 5, 0),
        ] {
            let (mut known, mut seen) = (2, Seen::default());
            let mut watch = Watch::new(command, &mut known, &mut seen);
            for line in lines {
                watch.see(line.as_bytes());
            }
            assert_eq!((known, seen.violations.len()), (exists, violations), "{command} {lines:?}");
        }
    }
}
