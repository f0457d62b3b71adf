//! RFC 5321 §4.5.3.2: how long a server may take for what.

use std::time::{Duration, Instant};

use super::Client;
use super::outcome::{Reason, Stage};
use super::state::{Command, State};

/// How long we have waited for the server.
#[derive(Debug)]
pub(super) struct Clock {
    /// When a reply came or a command was sent last.
    pub(super) progress: Instant,
    /// Something was done since `next` last looked at the time.
    pub(super) progressed: bool,
    /// When the envelope under way began.
    pub(super) envelope: Option<Instant>,
    /// When the content under way began, and how much has been written since.
    pub(super) content: Option<(Instant, u64)>,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        Self { progress: now, progressed: false, envelope: None, content: None }
    }
}

impl Client {
    /// When to call [`Client::next`] even without input; none when nothing is awaited.
    pub fn deadline(&self) -> Option<Instant> {
        let timeouts = &self.config.timeouts;
        let reply = |wait: Duration| Some(self.clock.progress + wait);
        match (&self.state, self.awaited.front()) {
            (State::Content(_), None) => {
                let slowest = self.clock.content.map(|(began, written)| {
                    let seconds = written / timeouts.data_bytes_per_second_min.max(1);
                    began + timeouts.data_block + Duration::from_secs(seconds)
                });
                slowest.min(reply(timeouts.data_block)).or(reply(timeouts.data_block))
            }
            (State::Envelope(_), Some(command)) => {
                let all = self.clock.envelope.map(|began| began + timeouts.envelope);
                let one = reply(self.wait(*command));
                all.min(one).or(one)
            }
            (_, Some(command)) => reply(self.wait(*command)),
            (_, None) => None,
        }
    }

    pub(super) fn look_at_the_time(&mut self, now: Instant) {
        if std::mem::take(&mut self.clock.progressed) || !self.output.is_empty() {
            self.clock.progress = now;
        }
        match self.state {
            State::Envelope(_) => {
                self.clock.content = None;
                self.clock.envelope.get_or_insert(now);
            }
            State::Content(_) => {
                self.clock.envelope = None;
                self.clock.content.get_or_insert((now, 0));
            }
            _ => (self.clock.envelope, self.clock.content) = (None, None),
        }
        if self.report.is_none() && self.deadline().is_some_and(|deadline| now >= deadline) {
            self.timed_out();
        }
    }

    /// Why there is no reply: the one case that must be told from the others is that the server
    /// may have taken the message.
    pub(super) fn silence(&self, reason: fn(Stage) -> Reason) -> Reason {
        match self.stage() {
            Stage::ContentEnd => Reason::LostAfterContent,
            stage => reason(stage),
        }
    }

    /// How long this command's reply may take.
    fn wait(&self, command: Command) -> Duration {
        let timeouts = &self.config.timeouts;
        match command.stage() {
            Stage::Greeting => timeouts.greeting,
            Stage::Hello | Stage::StartTls | Stage::Auth | Stage::Reset => timeouts.hello,
            Stage::Mail => timeouts.mail,
            Stage::Recipient => timeouts.recipient,
            Stage::Data => timeouts.data,
            Stage::Content => timeouts.data_block,
            Stage::ContentEnd => timeouts.content_end,
            Stage::Quit => timeouts.quit,
        }
    }
}
