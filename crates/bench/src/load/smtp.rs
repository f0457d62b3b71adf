//! Messages over SMTP or LMTP, counted when they are accepted, or when they are in the mailboxes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Clock, Turns, Users, join};
use crate::corpus::Plain;
use crate::error::Error;
use crate::imap::Imap;
use crate::report::{Better, Report};
use crate::smtp::{Protocol, Smtp};
use crate::wire::Target;

/// What is sent.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections at the same time.
    #[arg(long, default_value_t = 20)]
    pub(crate) sessions: usize,
    /// Bytes of a message.
    #[arg(long, default_value_t = 4096)]
    pub(crate) size: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1000)]
    pub(crate) messages: usize,
    /// Recipients of each message.
    #[arg(long, default_value_t = 1)]
    pub(crate) recipients: usize,
    /// Messages sent over one connection before the next is opened.
    #[arg(long, default_value_t = 1)]
    pub(crate) per_connection: usize,
    /// Recipient address, with %d for a number from 1.
    #[arg(long)]
    pub(crate) to: String,
    /// How many such addresses are taken in turn.
    #[arg(long, default_value_t = 20)]
    pub(crate) mailboxes: usize,
    /// Sender address.
    #[arg(long, default_value = SENDER)]
    pub(crate) from: String,
    /// Log in as the sender with this password before each message is sent.
    #[arg(long)]
    pub(crate) auth_password: Option<String>,
}

/// Who sends, unless told otherwise.
pub(crate) const SENDER: &str = "marie@ac-example.test";

/// Where to look whether messages have arrived.
pub(crate) struct Arrival {
    watched: Vec<Watched>,
}

struct Watched {
    session: Imap,
    /// Which mailbox of all.
    index: usize,
    /// Messages that were in it.
    before: u64,
}

/// Of more mailboxes only every so manieth is watched: a session for each would be a load.
const WATCHED_MAX: usize = 50;

/// Between two looks into a mailbox that is not full yet: so rare that looking costs little.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long messages may take to arrive after the last was accepted.
const ARRIVAL_MAX: Duration = Duration::from_secs(300);

impl Arrival {
    /// Opens a session for each mailbox, and counts what is in it.
    pub(crate) async fn watch(target: &Target, users: &Users) -> Result<Self, Error> {
        let mut watched = Vec::new();
        for index in (0..users.users).step_by(users.users.div_ceil(WATCHED_MAX).max(1)) {
            let mut session = Imap::login(target, &users.name(index), &users.password).await?;
            let before = session.status("INBOX", "MESSAGES").await?;
            watched.push(Watched { session, index, before });
        }
        Ok(Self { watched })
    }

    /// Waits until every mailbox has this many more.
    async fn wait_for(&mut self, expected: &[u64]) -> Result<(), Error> {
        let deadline = Instant::now() + ARRIVAL_MAX;
        for mailbox in &mut self.watched {
            let wanted = expected.get(mailbox.index).copied().unwrap_or(0);
            loop {
                let there = mailbox.session.status("INBOX", "MESSAGES").await?;
                let there = there.saturating_sub(mailbox.before);
                if there >= wanted {
                    break;
                }
                if Instant::now() > deadline {
                    let text = format!("{there} of {wanted} messages arrived");
                    return Err(Error::NotPossible(text));
                }
                // Nothing tells when another program has delivered.
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }
}

impl Options {
    fn recipient(&self, index: usize) -> String {
        self.to.replace("%d", &(index % self.mailboxes.max(1) + 1).to_string())
    }

    /// Copies that each mailbox gets.
    fn expected(&self) -> Vec<u64> {
        let copies = self.messages * self.recipients;
        let mailboxes = self.mailboxes.max(1);
        let share = |index| copies / mailboxes + usize::from(index < copies % mailboxes);
        (0..mailboxes).map(|index| share(index) as u64).collect()
    }
}

/// Sends, and waits for arrival when asked to.
pub(crate) async fn run(
    target: &Target,
    protocol: Protocol,
    options: &Options,
    arrival: Option<Arrival>,
) -> Result<Report, Error> {
    let sender = Arc::new(Sender {
        target: target.clone(),
        protocol,
        options: options.clone(),
        plain: Plain::new(options.size),
        run: rand::random(),
        turns: Turns::new(options.messages),
    });
    let clock = Clock::start();
    let mut tasks = JoinSet::new();
    for _ in 0..options.sessions.max(1) {
        tasks.spawn(Arc::clone(&sender).send_all());
    }
    let latencies: Vec<Duration> = join(tasks).await?.into_iter().flatten().collect();
    let accepted = clock.elapsed();
    let mut report = Report::of(options.messages, "message");
    if let Some(mut arrival) = arrival {
        arrival.wait_for(&options.expected()).await?;
        report.per_second("in mailboxes", options.messages, clock.elapsed());
    }
    report.per_second("accepted", options.messages, accepted);
    let bytes = options.messages * options.size;
    report.add(
        "accepted bytes",
        bytes as f64 / accepted.as_secs_f64() / 1e6,
        "MB/s",
        Better::Neither,
    );
    report.latency("one message", latencies);
    clock.add_own_cpu(&mut report);
    Ok(report)
}

struct Sender {
    target: Target,
    protocol: Protocol,
    options: Options,
    plain: Plain,
    run: u64,
    turns: Turns,
}

impl Sender {
    /// One connection after the other, until all turns are taken.
    async fn send_all(self: Arc<Self>) -> Result<Vec<Duration>, Error> {
        let mut latencies = Vec::new();
        let mut open: Option<(Smtp, usize)> = None;
        while let Some(turn) = self.turns.take() {
            let started = Instant::now();
            let (mut session, sent) = match open.take() {
                Some(open) => open,
                None => (self.connect().await?, 0),
            };
            self.send(&mut session, turn).await?;
            latencies.push(started.elapsed());
            match sent + 1 < self.options.per_connection {
                true => open = Some((session, sent + 1)),
                false => session.quit().await?,
            }
        }
        if let Some((session, _)) = open {
            session.quit().await?;
        }
        Ok(latencies)
    }

    async fn connect(&self) -> Result<Smtp, Error> {
        let mut session = Smtp::connect(&self.target, self.protocol).await?;
        if let Some(password) = &self.options.auth_password {
            session.auth_plain(&self.options.from, password).await?;
        }
        Ok(session)
    }

    async fn send(&self, session: &mut Smtp, turn: usize) -> Result<(), Error> {
        let first = turn * self.options.recipients;
        let recipients: Vec<String> = (first..first + self.options.recipients)
            .map(|index| self.options.recipient(index))
            .collect();
        let from = &self.options.from;
        let message = self.plain.message(self.run, turn, from, &recipients[0]);
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        session.send(from, &recipients, &message).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_is_expected_somewhere() {
        for (messages, recipients, mailboxes) in [(10, 1, 20), (20, 1, 20), (7, 3, 4), (1, 5, 5)] {
            let options = Options {
                sessions: 1,
                size: 1000,
                messages,
                recipients,
                per_connection: 1,
                to: "a%d@b.test".into(),
                mailboxes,
                from: SENDER.into(),
                auth_password: None,
            };
            let mut counted = vec![0; mailboxes];
            for index in 0..messages * recipients {
                let address = options.recipient(index);
                let number: usize = address[1..address.find('@').unwrap()].parse().unwrap();
                counted[number - 1] += 1;
            }
            assert_eq!(options.expected(), counted);
        }
    }
}
