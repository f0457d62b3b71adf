//! One message verified: SPF, DKIM, DMARC, within one deadline.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::MessageAuthenticator;
use mail_message::author;
use mail_types::{Domain, EmailAddress, ReversePath};
use tokio::time::Instant;

use crate::dkim::observe::Observed;
use crate::dns::{self, Dns, Lookups};
use crate::error::SetupError;
use crate::spf::{self, Client};
use crate::verdict::{
    DmarcPolicy, DmarcResult, DmarcVerdict, NoAuthor, SpfIdentity, SpfResult, SpfVerdict, Verdict,
};
use crate::{dkim, dmarc};

/// How a message came.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The peer's address.
    pub peer: IpAddr,
    /// What it called itself.
    pub helo: &'a str,
    /// RFC 5321 §2.3.1.
    pub reverse_path: &'a ReversePath,
}

/// Verifies messages. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    dns: Arc<dyn Dns>,
    time_max: Duration,
    /// mail-auth's, which has no servers and is never let to ask.
    authenticator: MessageAuthenticator,
}

impl Verifier {
    /// A verifier that asks there, for so long at most for one message.
    ///
    /// # Errors
    /// [`SetupError::Dns`].
    pub fn new(dns: Arc<dyn Dns>, time_max: Duration) -> Result<Self, SetupError> {
        Ok(Self { dns, time_max, authenticator: dns::nobody()? })
    }

    /// Verifies a message. What DNS does not tell in time is a temporary error: mail never waits
    /// for more than the time given to [`Verifier::new`].
    pub async fn verify(&self, origin: Origin<'_>, observed: &Observed) -> Verdict {
        let lookups = Lookups::new(&*self.dns, Instant::now() + self.time_max);
        let author = author_of(observed);
        let dkim = dkim::verify::verify(observed, lookups, &self.authenticator);
        let (spf, (dkim, dkim_ignored)) = tokio::join!(self.spf(origin, lookups), dkim);
        let dmarc = match &author {
            Ok(author) => dmarc::verify(author.domain(), &spf, &dkim, lookups).await,
            Err(_) => DmarcVerdict {
                result: DmarcResult::PermError,
                policy: DmarcPolicy::None,
                spf_aligned: false,
                dkim_aligned: false,
            },
        };
        let verdict = Verdict { spf, dkim, dkim_ignored, dmarc, author };
        count(&verdict);
        verdict
    }

    async fn spf(&self, origin: Origin<'_>, lookups: Lookups<'_>) -> SpfVerdict {
        // RFC 7208 §2.4: a null reverse-path stands for "postmaster" at the HELO name.
        let (identity, local_part, domain) = match origin.reverse_path.address() {
            Some(address) => {
                let domain = Some(address.domain().clone());
                (SpfIdentity::MailFrom, address.local_part(), domain)
            }
            None => (SpfIdentity::Helo, "", origin.helo.parse::<Domain>().ok()),
        };
        let result = match &domain {
            Some(domain) => {
                self.check_host(origin.peer, origin.helo, local_part, domain.as_str(), lookups)
                    .await
            }
            None => SpfResult::None,
        };
        SpfVerdict { result, identity, domain }
    }

    async fn check_host(
        &self,
        ip: IpAddr,
        helo: &str,
        local_part: &str,
        domain: &str,
        lookups: Lookups<'_>,
    ) -> SpfResult {
        spf::check_host(&Client { ip, helo, local_part, domain }, lookups).await
    }

    /// RFC 7208 §4 `check_host()` alone, for names as they come: what the suite of test cases asks.
    pub async fn check_spf(&self, ip: IpAddr, helo: &str, mail_from: &str) -> SpfResult {
        let lookups = Lookups::new(&*self.dns, Instant::now() + self.time_max);
        let (local_part, domain) = mail_from.rsplit_once('@').unwrap_or(("", helo));
        self.check_host(ip, helo, local_part, domain, lookups).await
    }
}

/// Exactly one `From` with exactly one mailbox, or nobody (threats S10).
fn author_of(observed: &Observed) -> Result<EmailAddress, NoAuthor> {
    if observed.is_cut {
        return Err(NoAuthor::TooLong);
    }
    let authors = author::authors(&observed.header).map_err(NoAuthor::Unclear)?;
    match <[EmailAddress; 1]>::try_from(authors) {
        Ok([author]) => Ok(author),
        Err(_) => Err(NoAuthor::Several),
    }
}

fn count(verdict: &Verdict) {
    for (method, result) in [
        ("spf", verdict.spf.result.as_str()),
        ("dkim", verdict.dkim_word()),
        ("dmarc", verdict.dmarc.result.as_str()),
    ] {
        metrics::counter!(
            "facteur_sender_results_total", "method" => method, "result" => result
        )
        .increment(1);
    }
}
