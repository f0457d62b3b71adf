//! The driver: reads bytes, feeds the session, does what its next step says, writes the answer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use directory::{Account, Listed};
use imap_session::{Append, Expunges, Phase, Selected, Session, Step, Tagged, Update, respond};
use mail_service::{
    Changes, Entry, MailService, MessageWriter, OpenMailbox, ServiceError, Snapshot,
};
use mail_types::{AccountId, Actor};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::commands::login::Sasl;
use crate::server::{ImapServer, Login, Port};
use crate::settings::{PlaintextLogin, Settings};
use crate::stream::Stream;

/// Bytes of answers gathered before they are written: a client that does not read stops us
/// there, and nothing grows meanwhile.
pub(crate) const WRITE_BYTES: usize = 32 << 10;

/// What a session hears whose mailbox another one deleted.
pub(crate) const MAILBOX_GONE: &str = "The mailbox is gone";

/// One client.
pub(crate) struct Connection {
    pub(crate) server: Arc<ImapServer>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) session: Session,
    pub(crate) peer: SocketAddr,
    stream: Option<Stream>,
    accepted: Instant,
    shutdown: CancellationToken,
    /// Answers not written yet.
    pub(crate) out: Vec<u8>,
    pub(crate) user: Option<User>,
    pub(crate) opened: Option<Opened>,
    pub(crate) sasl: Option<Sasl>,
    pub(crate) append: Option<(Append, MessageWriter)>,
    /// The tag of a running IDLE.
    pub(crate) idle: Option<String>,
    /// Whether the client understands mod-sequences (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    pub(crate) is_tls: bool,
    pub(crate) is_over: bool,
}

/// Who has logged in.
pub(crate) struct User {
    pub(crate) account: Arc<Account>,
    pub(crate) changes: broadcast::Receiver<AccountId>,
    pub(crate) _place: Login,
    /// Its owner sees the connection in the webmail.
    pub(crate) _listed: Listed,
}

/// The selected mailbox.
pub(crate) struct Opened {
    pub(crate) mailbox: OpenMailbox,
    pub(crate) selected: Selected,
    /// What the client's view was last brought up to.
    pub(crate) seen: Arc<Snapshot>,
    pub(crate) access: Access,
}

/// What a session may do with the mailbox it selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything.
    ReadWrite,
    /// It was opened with EXAMINE.
    Examined,
    /// Its owner leaves.
    Leaving,
}

enum Event {
    Bytes(usize),
    Changed,
    /// The mailbox was deleted.
    Gone,
    Revoked,
    Shutdown,
    TimedOut,
}

impl Connection {
    pub(crate) fn new(
        server: Arc<ImapServer>,
        settings: Arc<Settings>,
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: CancellationToken,
    ) -> Self {
        let _ = stream.set_nodelay(true);
        Self {
            server,
            settings,
            session: Session::new(),
            peer,
            stream: Some(Stream::Plain(stream)),
            accepted: Instant::now(),
            shutdown,
            out: Vec::new(),
            user: None,
            opened: None,
            sasl: None,
            append: None,
            idle: None,
            condstore: false,
            is_tls: false,
            is_over: false,
        }
    }

    pub(crate) async fn run(mut self, port: Port) -> io::Result<()> {
        if port == Port::Imaps {
            Box::pin(self.handshake()).await?;
        }
        let capabilities = self.capabilities();
        respond::line(&mut self.out, &format!("* OK [CAPABILITY {capabilities}] Facteur ready"));
        while !self.is_over {
            let step = self.session.next();
            self.step(step).await?;
        }
        self.flush().await?;
        if let Some(stream) = self.stream.take() {
            stream.close().await;
        }
        Ok(())
    }

    async fn step(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Read => self.wait().await,
            Step::Write(bytes) => {
                self.out.extend_from_slice(&bytes);
                Ok(())
            }
            // What runs briefly and is large lives on its own, so that a session that waits is
            // small: it is one of tens of thousands.
            Step::Command(tagged) => Box::pin(self.execute(tagged)).await,
            Step::Append(append) => Box::pin(self.begin_append(append)).await,
            Step::Chunk(bytes) => Box::pin(self.append_chunk(&bytes)).await,
            Step::AppendEnd => Box::pin(self.end_append()).await,
            Step::Sasl(response) => Box::pin(self.sasl_response(response)).await,
            Step::Done => self.end_idle().await,
            Step::Close(bytes) => {
                self.out.extend_from_slice(&bytes);
                self.is_over = true;
                Ok(())
            }
        }
    }

    /// Writes what there is and waits for the next thing to happen. Nothing is held meanwhile but
    /// what the session remembers.
    async fn wait(&mut self) -> io::Result<()> {
        self.flush().await?;
        match self.event().await? {
            Event::Bytes(0) => self.is_over = true,
            Event::Bytes(_) => {}
            Event::Changed => self.tell(Expunges::Told),
            Event::Gone => self.bye(MAILBOX_GONE),
            Event::Revoked => self.bye("Your account has changed; log in again"),
            Event::Shutdown => self.bye("The server is stopping; connect again"),
            Event::TimedOut => self.bye("Logged out after a long silence"),
        }
        Ok(())
    }

    async fn event(&mut self) -> io::Result<Event> {
        // Whoever does not log in is not kept by sending a byte now and then.
        let until = match &self.user {
            Some(_) => Instant::now() + Duration::from_secs(self.settings.autologout_seconds),
            None => self.accepted + Duration::from_secs(self.settings.login_seconds),
        };
        let Some(stream) = &mut self.stream else { return Ok(Event::Bytes(0)) };
        let session = &mut self.session;
        let idle = self.idle.is_some();
        let opened = self.opened.as_ref().filter(|_| idle);
        let changed = async {
            match opened {
                Some(opened) => match opened.mailbox.changed(&opened.seen).await {
                    Some(_) => Event::Changed,
                    None => Event::Gone,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            count = stream.read(|bytes| session.receive(bytes)) => count.map(Event::Bytes),
            event = changed => Ok(event),
            () = revoked(&mut self.user) => Ok(Event::Revoked),
            () = self.shutdown.cancelled() => Ok(Event::Shutdown),
            () = tokio::time::sleep_until(until) => Ok(Event::TimedOut),
        }
    }

    pub(crate) fn bye(&mut self, why: &str) {
        respond::line(&mut self.out, &format!("* BYE {why}"));
        self.is_over = true;
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let limit = Duration::from_secs(self.settings.write_seconds);
        if let Some(stream) = &mut self.stream {
            stream.write(&self.out, limit).await?;
        }
        self.out.clear();
        // An idle connection holds no output buffer.
        if self.out.capacity() > 1024 {
            self.out = Vec::new();
        }
        Ok(())
    }

    pub(crate) async fn handshake(&mut self) -> io::Result<()> {
        let limit = Duration::from_secs(self.settings.handshake_seconds);
        let tls = self.server.tls.clone().ok_or_else(|| io::Error::other("no certificate"))?;
        let stream = self.stream.take().ok_or_else(|| io::Error::other("no stream"))?;
        self.stream = Some(stream.start_tls(&tls, limit).await?);
        self.is_tls = true;
        Ok(())
    }

    async fn execute(&mut self, Tagged { tag, command }: Tagged) -> io::Result<()> {
        metrics::counter!("facteur_imap_commands_total").increment(1);
        if !imap_session::is_legal(&command, self.phase()) {
            let why = match self.phase() {
                Phase::NotAuthenticated => "BAD Log in first",
                _ if imap_session::is_legal(&command, Phase::NotAuthenticated) => {
                    "BAD Not while logged in"
                }
                _ => "BAD Select a mailbox first",
            };
            self.tagged(&tag, why);
            return Ok(());
        }
        self.dispatch(tag, command).await
    }

    pub(crate) fn phase(&self) -> Phase {
        match (&self.user, &self.opened) {
            (None, _) => Phase::NotAuthenticated,
            (Some(_), None) => Phase::Authenticated,
            (Some(_), Some(_)) => Phase::Selected,
        }
    }

    pub(crate) fn mail(&self) -> MailService {
        self.server.mail.clone()
    }

    /// Who acts and whose mailboxes: today always the same, asserted at each call of the service.
    pub(crate) fn owner(&self) -> Option<(Actor, AccountId)> {
        self.user.as_ref().map(|user| (Actor::Account(user.account.id), user.account.id))
    }

    pub(crate) fn tagged(&mut self, tag: &str, text: &str) {
        respond::tagged(&mut self.out, tag, text);
    }

    /// Answers a command that the service refused.
    pub(crate) fn refuse(&mut self, tag: &str, error: &ServiceError) {
        if answer::is_ours(error) {
            tracing::error!(%error, "command failed");
        }
        self.tagged(tag, answer::refusal(error));
    }

    /// Answers a command that did or did not work.
    pub(crate) fn conclude(&mut self, tag: &str, outcome: Result<(), ServiceError>, done: &str) {
        match outcome {
            Ok(()) => self.tagged(tag, &format!("OK {done} completed")),
            Err(error) => self.refuse(tag, &error),
        }
    }

    /// Tells the client what happened in its mailbox.
    pub(crate) fn tell(&mut self, expunges: Expunges) {
        if let Some(opened) = &self.opened {
            let now = opened.mailbox.snapshot();
            self.tell_unless(now, expunges, |_, _| false);
        }
    }

    /// The same up to this snapshot, but not the flags that the client knows from its own command:
    /// `is_known` is asked with a message as the client saw it last and as it is.
    pub(crate) fn tell_unless(
        &mut self,
        now: Arc<Snapshot>,
        expunges: Expunges,
        mut is_known: impl FnMut(&Entry, &Entry) -> bool,
    ) {
        let Some(opened) = &mut self.opened else { return };
        let mut update = Update::default();
        if now.highest_mod_seq != opened.seen.highest_mod_seq {
            let Changes { expunged, arrived, flags } = now.changes_since(&opened.seen);
            let news = flags.iter().filter(|(before, now)| !is_known(before, now));
            let news = news.map(|(_, now)| *now);
            let flagged = arrived.iter().filter(|entry| !entry.flags.is_empty());
            for entry in news.chain(flagged.copied()) {
                update.flags.push((entry.uid, Arc::clone(&entry.flags), entry.mod_seq));
            }
            update.expunged = expunged;
            update.arrived = arrived.iter().map(|entry| entry.uid).collect();
            opened.seen = now;
        }
        opened.selected.update(update, expunges, self.condstore, &mut self.out);
    }

    pub(crate) fn may_log_in(&self) -> bool {
        let loopback = self.peer.ip().is_loopback();
        let allowed = self.settings.plaintext_login == PlaintextLogin::Loopback && loopback;
        self.is_tls || allowed
    }

    pub(crate) fn peer_ip(&self) -> IpAddr {
        self.peer.ip()
    }
}

/// Returns when the account of this user was changed: its sessions end.
async fn revoked(user: &mut Option<User>) {
    let Some(user) = user else { return std::future::pending().await };
    loop {
        match user.changes.recv().await {
            Ok(account) if account == user.account.id => return,
            Ok(_) => {}
            // Some changes were missed; one of them may have been ours.
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
