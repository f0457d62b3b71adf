//! A request of somebody who is logged in: their session, their mailboxes, their forms.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use directory::{Account, Requester};
use hyper::header::HeaderName;
use jiff::tz::TimeZone;
use mail_service::{MailService, MailboxInfo, OpenMailbox, ServiceError};
use mail_types::{AccountId, Actor, MailboxName, SpecialUse, Uid};

use crate::date::Calendar;
use crate::error::Error;
use crate::http::{Form, Input, Visit};
use crate::locale::Locale;
use crate::session::{Limits, Session, Touch};
use crate::settings::PlainHttp;
use crate::webmail::Port;

/// Characters of a browser's name that are kept.
const USER_AGENT_CHARS_MAX: usize = 160;

/// A visit with a session.
pub(crate) struct Signed {
    pub(crate) visit: Visit,
    pub(crate) session: Arc<Session>,
    pub(crate) account: Arc<Account>,
    /// Scheduled messages there are; known once the mailboxes are.
    scheduled: AtomicUsize,
}

/// The session cookie. `__Host-` binds it to this host, the whole path and TLS (RFC 6265bis);
/// over plain HTTP on loopback, where the demo runs, browsers would not take it.
pub(crate) fn session_cookie(visit: &Visit) -> &'static str {
    if visit.connection.port == Port::Https { "__Host-facteur" } else { "facteur" }
}

/// The attributes of our cookies. Strict, also for the first page: nobody reaches a session
/// through a link elsewhere, and whoever follows one logs in or goes on in the tab that is open.
pub(crate) fn cookie_attributes(visit: &Visit) -> &'static str {
    match visit.connection.port {
        Port::Https => "; Path=/; Secure; HttpOnly; SameSite=Strict",
        Port::Http => "; Path=/; HttpOnly; SameSite=Strict",
    }
}

impl Visit {
    /// The visitor's language.
    pub(crate) fn locale(&self) -> &Locale {
        self.webmail.locales.choose(self.header(hyper::header::ACCEPT_LANGUAGE))
    }

    /// What the browser calls itself, bounded.
    pub(crate) fn user_agent(&self) -> String {
        let agent = self.header(hyper::header::USER_AGENT).unwrap_or_default();
        agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS_MAX).collect()
    }

    /// Who asks, for the audit log.
    pub(crate) fn requester(&self) -> Requester {
        Requester {
            request: rand::random(),
            peer: Some(self.connection.peer),
            user_agent: self.user_agent(),
            language: self.locale().tag.to_owned(),
        }
    }

    /// Origins from which our forms may come.
    pub(crate) fn origins(&self) -> Vec<String> {
        let settings = self.webmail.settings();
        let mut origins = vec![settings.public_url.as_str().to_owned()];
        // The demo is reached by whatever name loopback has.
        if settings.plain_http == PlainHttp::ServeLoopback && self.connection.peer.is_loopback() {
            let scheme = if self.connection.port == Port::Https { "https" } else { "http" };
            let names = ["localhost", "127.0.0.1", "[::1]"].into_iter();
            origins.extend(
                names.map(|name| format!("{scheme}://{name}:{}", self.connection.local_port)),
            );
        }
        origins
    }

    /// The session of the cookie, if it still stands and the account with it.
    pub(crate) async fn session(&self) -> Result<Option<(Arc<Session>, Arc<Account>)>, Error> {
        let limits = Limits::from(&*self.webmail.settings());
        let sessions = &self.webmail.sessions;
        let background = self.headers.contains_key(HeaderName::from_static("x-background"))
            || self.path.first().is_some_and(|segment| segment == "evenements");
        let touch = if background { Touch::Background } else { Touch::Click };
        let found = self
            .cookie(session_cookie(self))
            .and_then(|cookie| sessions.find(cookie, &limits, Instant::now(), touch));
        let Some(session) = found else { return Ok(None) };
        let account = self.webmail.service.directory().account(session.account).await?;
        if !sessions.check(&session, account.as_deref()) {
            return Ok(None);
        }
        Ok(account.map(|account| (session, account)))
    }
}

impl Signed {
    /// A request of this session.
    pub(crate) fn new(visit: Visit, session: Arc<Session>, account: Arc<Account>) -> Self {
        Self { visit, session, account, scheduled: AtomicUsize::new(0) }
    }

    /// The mail service.
    pub(crate) fn service(&self) -> &MailService {
        &self.visit.webmail.service
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Account(self.account.id)
    }

    /// Whose mailboxes.
    pub(crate) fn owner(&self) -> AccountId {
        self.account.id
    }

    /// Whether anything of this account may be changed; the service asks again with every change.
    ///
    /// # Errors
    /// When its owner leaves.
    pub(crate) fn check_writable(&self) -> Result<(), Error> {
        match self.account.is_read_only() {
            true => Err(ServiceError::Leaving.into()),
            false => Ok(()),
        }
    }

    /// The language of the answer.
    pub(crate) fn locale(&self) -> &Locale {
        self.visit.locale()
    }

    /// Writes dates for this visitor.
    pub(crate) fn calendar(&self) -> Calendar<'_> {
        let zone = TimeZone::get(&self.service().settings().time_zone).unwrap_or(TimeZone::UTC);
        Calendar { locale: self.locale(), zone, now: self.service().now() }
    }

    /// All mailboxes with their counters. What is scheduled is counted as well: it is shown beside
    /// them.
    pub(crate) async fn mailboxes(&self) -> Result<Vec<MailboxInfo>, Error> {
        let waiting = self.service().outbox(self.actor()).await?;
        let scheduled = waiting.iter().filter(|(_, row)| row.is_scheduled).count();
        self.scheduled.store(scheduled, Ordering::Relaxed);
        Ok(self.service().mailboxes(self.actor(), self.owner()).await?)
    }

    /// Whether messages wait for the time they were given.
    pub(crate) fn has_scheduled(&self) -> bool {
        self.scheduled.load(Ordering::Relaxed) > 0
    }

    /// Opens one of these mailboxes, and keeps it open until another is looked at.
    pub(crate) async fn open(
        &self,
        mailboxes: &[MailboxInfo],
        name: &str,
    ) -> Result<OpenMailbox, Error> {
        let info = find(mailboxes, name)?;
        if let Some(held) = self.session.held(&info.name)
            && held.id() == info.id
        {
            return Ok(held);
        }
        let service = self.service();
        let open = service.open_mailbox(self.actor(), self.owner(), &info.name).await?;
        self.session.hold(info.name.clone(), open.clone());
        Ok(open)
    }

    /// A token for a form of this session.
    pub(crate) fn token(&self) -> String {
        self.visit.webmail.seal.token(&self.session.key)
    }

    /// Whether a form was made for this session.
    pub(crate) fn is_own_token(&self, token: &str) -> bool {
        self.visit.webmail.seal.verify(&self.session.key, token)
    }

    /// A form made for this session.
    pub(crate) async fn form(&self, input: Input) -> Result<Form, Error> {
        let form = Form::read(&self.visit, input).await?;
        if self.is_own_token(form.get("jeton")) { Ok(form) } else { Err(Error::StaleForm) }
    }
}

/// The mailbox of this name that can be opened.
pub(crate) fn find<'a>(mailboxes: &'a [MailboxInfo], name: &str) -> Result<&'a MailboxInfo, Error> {
    let is_it = |info: &&MailboxInfo| info.name.as_str() == name && !info.no_select;
    mailboxes.iter().find(is_it).ok_or(Error::NotFound)
}

/// The mailbox for this use.
pub(crate) fn special(mailboxes: &[MailboxInfo], special_use: SpecialUse) -> Option<&MailboxName> {
    mailboxes.iter().find(|info| info.special_use == Some(special_use)).map(|info| &info.name)
}

/// A UID as paths spell it.
pub(crate) fn parse_uid(text: &str) -> Result<Uid, Error> {
    text.parse().ok().and_then(Uid::new).ok_or(Error::NotFound)
}
