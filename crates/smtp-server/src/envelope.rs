//! Answers the session's questions: logins, envelopes, content; and delivers.
//!
//! Rules about who may send what to whom are here and in the service, never in the session.

use std::net::IpAddr;
use std::sync::Arc;

use directory::{Account, Service};
use jiff::{SignedDuration, Timestamp};
use mail_message::trace::{Received, With, date_field, message_id_field};
use mail_message::{author, header};
use mail_service::queue::{Acceptance, Addressee, Destination};
use mail_service::{MailService, MessageWriter, ReceivedMessage, RecipientError};
use mail_types::{Domain, EmailAddress, QueueId, ReversePath, Secret};
use rustls::CipherSuite;
use smtp_session::{
    Answer, ForwardPath, Hold, MailParameters, Port, Protocol, RecipientParameters, Reply, Request,
    Trace, reply,
};

use crate::policy::{Inspection, Judged, SenderPolicy};
use crate::{answer, log};

/// What the driver holds of a connection's transactions.
pub(crate) struct Transactions {
    service: MailService,
    port: Port,
    peer: IpAddr,
    tls: Option<String>,
    account: Option<Arc<Account>>,
    /// How strangers' messages are verified; `None`: they are not, or these are no strangers.
    policy: Option<Arc<SenderPolicy>>,
    envelope: Envelope,
    content: Option<Content>,
}

/// RFC 5321 §2.3.1.
struct Envelope {
    reverse_path: ReversePath,
    parameters: MailParameters,
    addressees: Vec<Addressee>,
}

/// Content on its way into the store; dropping it discards what was written.
struct Content {
    queue_id: QueueId,
    trace: Trace,
    writer: MessageWriter,
    inspection: Option<Inspection>,
}

impl Envelope {
    fn new(reverse_path: ReversePath, parameters: MailParameters) -> Self {
        Self { reverse_path, parameters, addressees: Vec::new() }
    }
}

impl Transactions {
    pub(crate) fn new(
        service: MailService,
        port: Port,
        peer: IpAddr,
        policy: Option<Arc<SenderPolicy>>,
    ) -> Self {
        let envelope = Envelope::new(ReversePath::Null, MailParameters::default());
        Self { service, port, peer, tls: None, account: None, policy, envelope, content: None }
    }

    /// RFC 3207 §4.2: what was known before is forgotten.
    pub(crate) fn tls_established(&mut self, suite: Option<CipherSuite>) {
        self.tls = suite.and_then(|suite| suite.as_str().map(String::from));
        self.account = None;
        self.content = None;
    }

    pub(crate) async fn answer(&mut self, request: Request) -> Answer {
        let answer = match request {
            Request::Authenticate { login, password } => self.authenticate(&login, &password).await,
            Request::Mail { reverse_path, parameters } => self.mail(reverse_path, parameters).await,
            Request::Recipient { forward_path, parameters } => {
                self.recipient(forward_path, parameters).await
            }
            Request::Begin(trace) => {
                self.begin(trace);
                Ok(Answer::Accept)
            }
            Request::Body(piece) => self.body(&piece).await,
            Request::Deliver => self.deliver().await,
            Request::Discard(reason) => {
                self.content = None;
                if let Some(reason) = reason {
                    log::refused("message", &self.envelope.reverse_path, None, &reason);
                }
                Ok(Answer::Accept)
            }
        };
        answer.unwrap_or_else(Answer::Refuse)
    }

    async fn authenticate(
        &mut self,
        login: &str,
        password: &Secret<String>,
    ) -> Result<Answer, Reply> {
        let directory = self.service.directory();
        match directory.authenticate(login, password, Service::Submission, self.peer).await {
            Ok(authenticated) => {
                tracing::debug!(account = %authenticated.account.id, "logged in");
                self.account = Some(authenticated.account);
                Ok(Answer::Accept)
            }
            Err(error) => {
                let refusal = answer::auth_error(&error, &self.service.settings().webmail_url);
                log::login_refused(&refusal);
                Err(refusal)
            }
        }
    }

    async fn mail(
        &mut self,
        reverse_path: ReversePath,
        parameters: MailParameters,
    ) -> Result<Answer, Reply> {
        self.content = None;
        self.envelope = Envelope::new(reverse_path, parameters);
        if self.port.is_submission() {
            self.check_login().await?;
        }
        let own = match self.envelope.reverse_path.address() {
            // RFC 6409 §6.1; the null path is for notices that mail programs send (RFC 8098 §3).
            Some(address) if self.port.is_submission() => self.may_send_as(address).await?,
            _ => true,
        };
        if own {
            Ok(Answer::Accept)
        } else {
            Err(self.refused("sender", None, reply::SENDER_NOT_OWN))
        }
    }

    /// A password that was changed, or an account that was suspended, ends sessions that are open.
    async fn check_login(&self) -> Result<(), Reply> {
        let Some(account) = &self.account else { return Err(reply::AUTH_REQUIRED) };
        let now = self.service.directory().account(account.id).await;
        let now = now.map_err(|error| answer::directory_error(&error))?;
        match now.is_some_and(|now| now.credential_version == account.credential_version) {
            true => Ok(()),
            false => Err(reply::LOGIN_ENDED),
        }
    }

    async fn may_send_as(&self, address: &EmailAddress) -> Result<bool, Reply> {
        let Some(account) = &self.account else { return Err(reply::AUTH_REQUIRED) };
        let allowed = self.service.directory().may_send_as(account.id, address).await;
        allowed.map_err(|error| answer::directory_error(&error))
    }

    async fn recipient(
        &mut self,
        forward_path: ForwardPath,
        parameters: RecipientParameters,
    ) -> Result<Answer, Reply> {
        let address = match forward_path {
            ForwardPath::Address(address) => address,
            ForwardPath::Postmaster => self.postmaster().await?,
        };
        let declared_size = self.envelope.parameters.size;
        let destination = match self.service.recipient(&address, declared_size).await {
            Ok(recipient) => Destination::Here(recipient),
            Err(RecipientError::NotHosted) if self.may_send_out() => {
                Destination::Elsewhere(address)
            }
            Err(error) => {
                let refusal = self.recipient_refusal(&error);
                return Err(self.refused("recipient", Some(&address.to_string()), refusal));
            }
        };
        let RecipientParameters { notify, original_recipient } = parameters;
        self.envelope.addressees.push(Addressee { destination, notify, original_recipient });
        Ok(Answer::Accept)
    }

    /// Threats S5: our own users may write to other domains, when there is a way out. Nobody else
    /// ever may.
    fn may_send_out(&self) -> bool {
        self.port.is_submission() && self.account.is_some() && self.service.settings().sends_out
    }

    fn recipient_refusal(&self, error: &RecipientError) -> Reply {
        match error {
            RecipientError::NotHosted if self.port.is_submission() => reply::NO_ROUTE,
            error => answer::recipient_error(error),
        }
    }

    /// RFC 5321 §4.5.1: `<postmaster>` is the postmaster of this server: of the first hosted
    /// domain among its own name and those above it.
    async fn postmaster(&self) -> Result<EmailAddress, Reply> {
        let settings = self.service.settings();
        let mut name = Some(settings.hostname.as_str());
        while let Some(text) = name {
            if let Ok(domain) = text.parse::<Domain>() {
                let kind = self.service.directory().domain(&domain).await;
                if kind.map_err(|error| answer::directory_error(&error))?.is_some() {
                    return EmailAddress::new("postmaster", domain)
                        .map_err(|_| reply::UNKNOWN_USER);
                }
            }
            name = text.split_once('.').map(|(_, above)| above);
        }
        Err(reply::UNKNOWN_USER)
    }

    fn begin(&mut self, trace: Trace) {
        let queue_id = self.service.new_queue_id();
        let writer = self.service.message_writer();
        let inspects = self.policy.is_some();
        let inspection = inspects.then(|| Inspection::new(&self.service.settings().hostname));
        self.content = Some(Content { queue_id, trace, writer, inspection });
    }

    async fn body(&mut self, piece: &[u8]) -> Result<Answer, Reply> {
        let Some(content) = &mut self.content else { return Err(reply::TRY_AGAIN) };
        // The next piece is read after this returns: a slow disk slows the peer.
        let written = match &mut content.inspection {
            Some(inspection) => content.writer.write(&inspection.pass(piece)).await,
            None => content.writer.write(piece).await,
        };
        match written {
            Ok(()) => Ok(Answer::Accept),
            Err(error) => {
                self.content = None;
                Err(self.refused("message", None, answer::service_error(&error)))
            }
        }
    }

    async fn deliver(&mut self) -> Result<Answer, Reply> {
        let Some(content) = self.content.take() else { return Err(reply::TRY_AGAIN) };
        let answer = self.finish(content).await;
        answer.map_err(|refusal| self.refused("message", None, refusal))
    }

    async fn finish(&mut self, content: Content) -> Result<Answer, Reply> {
        let Content { queue_id, trace, mut writer, inspection } = content;
        let judged = match inspection {
            Some(inspection) => self.judge(inspection, &trace, &mut writer).await?,
            None => None,
        };
        let mut message = writer.finish().await.map_err(|error| answer::service_error(&error))?;
        let mut fields = self.received_field(queue_id, &trace);
        if let Some(judged) = &judged {
            // RFC 8601 §5: ours stands before everything that was there.
            fields.insert_str(0, &judged.field);
            message.judge(judged.judgement);
        }
        if self.port.is_submission() {
            self.check_authors(&message).await?;
            fields += &self.missing_fields(queue_id, &message);
        }
        let received = log::Received {
            queue_id,
            from: &self.envelope.reverse_path.clone(),
            recipients: self.envelope.addressees.len(),
            size: message.size(),
            tls: self.tls.as_deref(),
            port: self.port,
            submitter: self.account.as_ref().map(|account| account.id.to_string()),
            message_id: message_id(&fields, message.raw_header()),
            verdict: judged.as_ref().map(|judged| &judged.verdict),
        };
        let parameters = std::mem::take(&mut self.envelope.parameters);
        let acceptance = Acceptance {
            queue_id,
            reverse_path: self.envelope.reverse_path.clone(),
            addressees: std::mem::take(&mut self.envelope.addressees),
            trace: fields.into_bytes(),
            message,
            submitter: self.account.as_ref().map(|account| account.id),
            envelope_id: parameters.envelope_id,
            ret: parameters.ret,
            release: parameters.hold.and_then(|hold| self.release(hold)),
            own: None,
        };
        // All of it is durable when this returns; only then may 250 be said.
        let missed = self.service.accept_each(acceptance).await;
        let missed = missed.map_err(|error| answer::service_error(&error))?;
        let outcomes = answer::outcomes(&received, missed);
        if outcomes.iter().any(Result::is_ok) {
            received.log();
        }
        Ok(Answer::Delivered(outcomes))
    }

    /// Ends the look at a message: nothing was promised yet, and it may still be refused.
    async fn judge(
        &self,
        inspection: Inspection,
        trace: &Trace,
        writer: &mut MessageWriter,
    ) -> Result<Option<Judged>, Reply> {
        let (observed, rest) = inspection.finish();
        writer.write(&rest).await.map_err(|error| answer::service_error(&error))?;
        let Some(policy) = &self.policy else { return Ok(None) };
        let reverse_path = &self.envelope.reverse_path;
        let judged =
            policy.judge(&self.service, self.peer, &trace.hello, reverse_path, &observed).await;
        judged.map(Some)
    }

    /// RFC 4865 §5: an interval counts from now.
    fn release(&self, hold: Hold) -> Option<Timestamp> {
        match hold {
            Hold::Until(until) => Some(until),
            Hold::For(seconds) => {
                let seconds = i64::try_from(seconds).ok()?;
                self.service.now().checked_add(SignedDuration::from_secs(seconds)).ok()
            }
        }
    }

    /// RFC 6409 §6.1, threats S5: the name on a letter is its sender's own.
    async fn check_authors(&self, message: &ReceivedMessage) -> Result<(), Reply> {
        for address in author::authors(message.raw_header()).map_err(answer::author_fault)? {
            if !self.may_send_as(&address).await? {
                return Err(reply::FROM_NOT_OWN);
            }
        }
        Ok(())
    }

    /// RFC 5321 §4.4.
    fn received_field(&self, queue_id: QueueId, trace: &Trace) -> String {
        let recipient = match self.envelope.addressees.as_slice() {
            // RFC 5321 §7.2: with several, it would tell one of another.
            [only] => Some(only.destination.address()),
            _ => None,
        };
        Received {
            from: &trace.hello,
            peer: (!self.port.is_submission()).then_some(self.peer),
            by: &self.service.settings().hostname,
            with: with(trace.protocol),
            tls: self.tls.as_deref(),
            id: queue_id,
            recipient,
            date: self.service.internal_date(),
        }
        .to_field()
    }

    /// RFC 6409 §8.2, §8.3: "Add 'Date'" and "Add 'Message-ID'".
    fn missing_fields(&self, queue_id: QueueId, message: &ReceivedMessage) -> String {
        let missing = |name| header::first(message.raw_header(), name).is_none();
        let mut fields = String::new();
        if missing("Date") {
            fields += &date_field(self.service.internal_date());
        }
        if missing("Message-ID") {
            fields += &message_id_field(queue_id, &self.service.settings().hostname);
        }
        fields
    }

    fn refused(&self, what: &str, to: Option<&str>, reply: Reply) -> Reply {
        log::refused(what, &self.envelope.reverse_path, to, &reply);
        reply
    }
}

/// What the log calls the message by: the first Message-ID, ours where it has none.
fn message_id(added: &str, raw_header: &[u8]) -> Option<String> {
    let value = header::first(raw_header, "Message-ID")
        .or_else(|| header::first(added.as_bytes(), "Message-ID"))?;
    header::message_ids(&value).into_iter().next()
}

/// RFC 3848; what SMTPUTF8 adds (RFC 6531 §4.3) is not told.
fn with(protocol: Protocol) -> With {
    match protocol {
        Protocol { lmtp: true, .. } => With::Lmtp,
        Protocol { extended: false, .. } => With::Smtp,
        Protocol { tls: true, authenticated: true, .. } => With::Esmtpsa,
        Protocol { tls: true, .. } => With::Esmtps,
        Protocol { authenticated: true, .. } => With::Esmtpa,
        Protocol { .. } => With::Esmtp,
    }
}
