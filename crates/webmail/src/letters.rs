//! Letters about accounts: written in their reader's language and given to the queue. What a
//! letter tells of is durable before, and it is taken off the list after: it leaves at least once.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use directory::{DueLetter, LetterKind};
use jiff::tz::TimeZone;
use mail_message::compose::Draft;
use mail_message::trace::{Received, With};
use mail_service::queue::{Acceptance, Addressee, Destination};
use mail_service::{MailService, RecipientError, ServiceError};
use mail_types::{EmailAddress, QueueId, ReversePath};
use tokio_util::sync::CancellationToken;

use crate::csrf::hex;
use crate::date::Calendar;
use crate::locale::Locale;
use crate::webmail::Webmail;

/// Letters that are read at once.
const PAGE: usize = 100;
/// How often letters that could not leave are tried again.
const AGAIN_EVERY: Duration = Duration::from_secs(30);
/// How long after what it tells of a letter leaves.
const LATER: Range<Duration> = Duration::from_millis(200)..Duration::from_secs(2);

/// Why a letter did not leave.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the letter could not be written: {0}")]
    Compose(#[from] mail_message::compose::ComposeError),
    #[error("no address of ours to write from")]
    NoSender,
}

impl Webmail {
    /// Sends letters as they become due, until told to stop: a moment later each time. Otherwise
    /// whoever fills a form in could tell by how busy the server is just then what it led to.
    pub async fn run_letters(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            while self.send_due_letters().await == PAGE {}
            let due = async {
                tokio::select! {
                    () = self.service.directory().letters_due() => {
                        tokio::time::sleep(rand::random_range(LATER)).await;
                    }
                    () = tokio::time::sleep(AGAIN_EVERY) => {}
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = due => {}
            }
        }
    }

    /// Sends what is due now, and says how many letters left. What cannot leave stays for the next
    /// round.
    pub(crate) async fn send_due_letters(&self) -> usize {
        let directory = self.service.directory();
        let due = match directory.due_letters(PAGE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "letters not read");
                return 0;
            }
        };
        let mut left = 0;
        for letter in due {
            let done = match directory.is_stale(&letter) {
                true => {
                    tracing::warn!(account = %letter.account, kind = ?letter.kind, "letter too old");
                    true
                }
                false => self.send_letter(&letter).await,
            };
            if done {
                match directory.letter_done(&letter).await {
                    Ok(()) => left += 1,
                    Err(error) => tracing::error!(%error, "letter not taken off the list"),
                }
            }
        }
        left
    }

    /// Whether nothing is left to be done about it.
    async fn send_letter(&self, letter: &DueLetter) -> bool {
        let (mut reached, mut waits) = (false, false);
        for address in &letter.to {
            let id = self.service.new_queue_id();
            match self.send_to(letter, address, id).await {
                Ok(true) => {
                    reached = true;
                    tracing::info!(
                        target: "mail", queue_id = %id, account = %letter.account,
                        kind = ?letter.kind, "letter about an account"
                    );
                }
                Ok(false) => {
                    tracing::warn!(account = %letter.account, kind = ?letter.kind, "letter to nobody");
                }
                Err(error) => {
                    tracing::warn!(account = %letter.account, %error, "letter waits");
                    waits = true;
                }
            }
        }
        // Helpers are several: whoever has it does not get it again and again because of one.
        !waits || (reached && letter.kind.is_to_helpers())
    }

    /// `Ok(false)` when nobody has that address.
    async fn send_to(
        &self,
        letter: &DueLetter,
        to: &EmailAddress,
        id: QueueId,
    ) -> Result<bool, Unsent> {
        let service = &self.service;
        // A full mailbox still learns what happened to its account.
        let destination = match service.recipient_of_notice(to).await {
            Ok(recipient) => Destination::Here(recipient),
            Err(RecipientError::NotHosted) => Destination::Elsewhere(to.clone()),
            Err(RecipientError::UnknownUser | RecipientError::OverQuota) => return Ok(false),
            Err(RecipientError::TryAgain(error)) => return Err(error.into()),
        };
        let message = self.compose(letter, to).await?;
        let settings = service.settings();
        let trace = Received {
            from: "facteur",
            peer: None,
            by: &settings.hostname,
            with: With::Http,
            tls: None,
            id,
            recipient: None,
            date: service.internal_date(),
        };
        // RFC 3834 §5: nobody's absence notice answers it.
        let trace = format!("{}Auto-Submitted: auto-generated\r\n", trace.to_field());
        let acceptance = Acceptance {
            queue_id: id,
            reverse_path: ReversePath::Null,
            addressees: vec![Addressee::new(destination)],
            trace: trace.into_bytes(),
            message: store(service, &message).await?,
            submitter: None,
            envelope_id: None,
            ret: None,
            release: None,
            own: None,
        };
        service.accept_letter(acceptance).await?;
        Ok(true)
    }

    async fn compose(&self, letter: &DueLetter, to: &EmailAddress) -> Result<Vec<u8>, Unsent> {
        let service = &self.service;
        let settings = self.settings();
        let account = service.directory().account(letter.account).await;
        let account = account.map_err(ServiceError::from)?.ok_or(Unsent::NoSender)?;
        let domain = account.primary_address.domain();
        let from: EmailAddress =
            format!("postmaster@{domain}").parse().map_err(|_| Unsent::NoSender)?;
        let locale = self.locales.choose(Some(&letter.language));
        let product = &settings.theme.name;
        let subject = locale.with(subject(letter.kind), "product", product.as_str());
        let text = self.text(locale, letter, &account.primary_address);
        let draft = Draft {
            from: (product.clone(), from),
            to: vec![(String::new(), to.clone())],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject,
            text,
            in_reply_to: None,
            references: Vec::new(),
            attachments: Vec::new(),
            message_id: format!(
                "{}@{}",
                hex(rand::random::<[u8; 16]>()),
                service.settings().hostname
            ),
            date: service.internal_date(),
            notes: Vec::new(),
        };
        Ok(draft.to_message()?)
    }

    fn text(&self, locale: &Locale, letter: &DueLetter, account: &EmailAddress) -> String {
        let service = &self.service;
        let zone = TimeZone::get(&service.settings().time_zone).unwrap_or(TimeZone::UTC);
        let calendar = Calendar { locale, zone, now: service.now() };
        let values = [
            ("account", account.to_string()),
            ("about", about(locale, letter)),
            ("code", letter.code.as_ref().map(|code| spaced(code.expose())).unwrap_or_default()),
            ("link", letter.code.as_ref().map(|code| code.expose().clone()).unwrap_or_default()),
            ("date", calendar.long(letter.at)),
            ("peer", letter.peer.map(|peer| peer.to_string()).unwrap_or_default()),
            // Never the host that a request named: it could be anybody's.
            ("site", self.settings().public_url.to_string()),
        ];
        let body = locale.with_all(body(letter.kind), &values);
        let end = match letter.peer {
            _ if letter.kind.is_to_helpers() => locale.with_all("letter-end-helper", &values),
            Some(_) => locale.with_all("letter-end", &values),
            None => locale.with_all("letter-end-console", &values),
        };
        format!("{}\n\n{body}\n\n{end}\n", locale.text("letter-hello"))
    }
}

/// What a letter is about. Whoever gives a code at the command line has no name.
fn about(locale: &Locale, letter: &DueLetter) -> String {
    match letter.kind {
        LetterKind::ResetApproved if letter.about.is_empty() => locale.text("letter-it-department"),
        _ => letter.about.clone(),
    }
}

/// `1234 5678`: people read codes in two halves.
fn spaced(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((head, tail)) if !tail.is_empty() => format!("{head} {tail}"),
        _ => code.to_owned(),
    }
}

fn subject(kind: LetterKind) -> &'static str {
    match kind {
        LetterKind::RecoveryCode => "letter-recovery-code-subject",
        LetterKind::ResetCode => "letter-reset-code-subject",
        LetterKind::PasswordChanged => "letter-password-changed-subject",
        LetterKind::PasswordReset => "letter-password-reset-subject",
        LetterKind::RecoveryChanged => "letter-recovery-changed-subject",
        LetterKind::SecondFactorOn => "letter-factor-on-subject",
        LetterKind::SecondFactorOff => "letter-factor-off-subject",
        LetterKind::RecoveryCodeUsed => "letter-factor-code-subject",
        LetterKind::AppPasswordAdded => "letter-app-password-subject",
        LetterKind::ResetAsked => "letter-reset-asked-subject",
        LetterKind::ResetApproved => "letter-reset-approved-subject",
        LetterKind::ResetRefused => "letter-reset-refused-subject",
        LetterKind::IdentityBegun => "letter-identity-begun-subject",
        LetterKind::OfficerAsked => "letter-officer-asked-subject",
        LetterKind::OfficerIdentityBegun => "letter-officer-identity-subject",
        LetterKind::OfficerReset => "letter-officer-reset-subject",
        LetterKind::IdentityClosed => "letter-identity-closed-subject",
        LetterKind::FactorsWrong => "letter-factors-wrong-subject",
    }
}

fn body(kind: LetterKind) -> &'static str {
    match kind {
        LetterKind::RecoveryCode => "letter-recovery-code",
        LetterKind::ResetCode => "letter-reset-code",
        LetterKind::PasswordChanged => "letter-password-changed",
        LetterKind::PasswordReset => "letter-password-reset",
        LetterKind::RecoveryChanged => "letter-recovery-changed",
        LetterKind::SecondFactorOn => "letter-factor-on",
        LetterKind::SecondFactorOff => "letter-factor-off",
        LetterKind::RecoveryCodeUsed => "letter-factor-code",
        LetterKind::AppPasswordAdded => "letter-app-password",
        LetterKind::ResetAsked => "letter-reset-asked",
        LetterKind::ResetApproved => "letter-reset-approved",
        LetterKind::ResetRefused => "letter-reset-refused",
        LetterKind::IdentityBegun => "letter-identity-begun",
        LetterKind::OfficerAsked => "letter-officer-asked",
        LetterKind::OfficerIdentityBegun => "letter-officer-identity",
        LetterKind::OfficerReset => "letter-officer-reset",
        LetterKind::IdentityClosed => "letter-identity-closed",
        LetterKind::FactorsWrong => "letter-factors-wrong",
    }
}

async fn store(
    service: &MailService,
    message: &[u8],
) -> Result<mail_service::ReceivedMessage, ServiceError> {
    let mut writer = service.message_writer();
    writer.write(message).await?;
    writer.finish().await
}
