//! Strangers' messages: looked at while they come in, verified before they are delivered.

use std::borrow::Cow;
use std::net::IpAddr;

use mail_service::{Judgement, MailService, Placement};
use mail_types::ReversePath;
use sender_auth::{
    Decision, HeaderFilter, Observed, Observer, Origin, Refusal, Settings, Verdict, Verifier,
    policy,
};
use smtp_session::{Reply, reply};

use crate::answer;

/// How messages on port 25 are verified, and what becomes of those that fail.
pub struct SenderPolicy {
    verifier: Verifier,
    settings: Settings,
}

impl SenderPolicy {
    /// Verifies with this verifier, decides by these settings.
    pub fn new(verifier: Verifier, settings: Settings) -> Self {
        Self { verifier, settings }
    }
}

/// A message on its way in.
pub(crate) struct Inspection {
    observer: Observer,
    filter: HeaderFilter,
}

impl Inspection {
    pub(crate) fn new(hostname: &str) -> Self {
        Self { observer: Observer::default(), filter: HeaderFilter::new(hostname) }
    }

    /// Looks at the bytes as they came; gives what is to be stored of them.
    pub(crate) fn pass<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        self.observer.push(bytes);
        self.filter.push(bytes)
    }

    /// What was seen, and what is still to be stored.
    pub(crate) fn finish(self) -> (Observed, Vec<u8>) {
        (self.observer.finish(), self.filter.finish())
    }
}

/// What was found out about a message that is taken.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    /// `Authentication-Results`.
    pub(crate) field: String,
    pub(crate) judgement: Judgement,
}

impl SenderPolicy {
    /// Verifies a message and decides about it.
    pub(crate) async fn judge(
        &self,
        service: &MailService,
        peer: IpAddr,
        helo: &str,
        reverse_path: &ReversePath,
        observed: &Observed,
    ) -> Result<Judged, Reply> {
        let origin = Origin { peer, helo, reverse_path };
        let verdict = self.verifier.verify(origin, observed).await;
        let is_own = match &verdict.author {
            Ok(author) => {
                let domain = service.directory().domain(author.domain()).await;
                domain.map_err(|error| answer::directory_error(&error))?.is_some()
            }
            Err(_) => false,
        };
        let is_relay_client = self.settings.exempt_networks.iter().any(|net| net.contains(peer));
        let placement = match policy(&verdict, &self.settings, is_relay_client, |_| is_own) {
            Decision::Accept => Placement::Inbox,
            Decision::Junk => Placement::Junk,
            Decision::Reject(refusal) => return Err(refused(refusal)),
        };
        let judgement = Judgement { authentication: Some(verdict.summary()), placement };
        let field = verdict.authentication_results(&service.settings().hostname);
        Ok(Judged { verdict, field, judgement })
    }
}

fn refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::UnclearAuthor | Refusal::SeveralAuthors => reply::BAD_FROM,
        Refusal::ForgedOwnDomain | Refusal::DmarcReject => reply::AUTHOR_NOT_AUTHENTICATED,
    }
}
