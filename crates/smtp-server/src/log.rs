//! The mail log (target `mail`): one line per event in stable words; and what is counted.
//!
//! Addresses cannot hold control bytes, and everything else a peer chose is left out or escaped.

use mail_types::{QueueId, ReversePath};
use sender_auth::Verdict;
use smtp_session::{Port, Reply};

use crate::server::port_name;

/// A message is ours now.
pub(crate) struct Received<'a> {
    pub(crate) queue_id: QueueId,
    pub(crate) from: &'a ReversePath,
    pub(crate) recipients: usize,
    pub(crate) size: u64,
    pub(crate) tls: Option<&'a str>,
    pub(crate) port: Port,
    pub(crate) submitter: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) verdict: Option<&'a Verdict>,
}

impl Received<'_> {
    pub(crate) fn log(&self) {
        let port = port_name(self.port);
        tracing::info!(
            target: "mail",
            queue_id = %self.queue_id,
            from = %self.from,
            to = self.recipients,
            size = self.size,
            tls = self.tls,
            port,
            submitter = self.submitter,
            message_id = self.message_id,
            spf = self.verdict.map(|verdict| verdict.spf.result.as_str()),
            dkim = self.verdict.map(Verdict::dkim_word),
            dmarc = self.verdict.map(|verdict| verdict.dmarc.result.as_str()),
            "received"
        );
        metrics::counter!("facteur_smtp_messages_received_total", "port" => port).increment(1);
        metrics::counter!("facteur_smtp_bytes_received_total", "port" => port).increment(self.size);
    }
}

/// Something was refused: a login, a sender, a recipient, a message.
pub(crate) fn refused(what: &str, from: &ReversePath, to: Option<&str>, reply: &Reply) {
    tracing::info!(target: "mail", what, %from, to, reason = %reply, "refused");
}

/// A login was refused. With no name: people type passwords there.
pub(crate) fn login_refused(reply: &Reply) {
    tracing::info!(target: "mail", what = "login", reason = %reply, "refused");
}

/// Replies on their way out. They are all fixed texts, but for queue ids and our own name.
pub(crate) fn replies(bytes: &[u8]) {
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| line.len() > 3) {
        if matches!(line[0], b'4' | b'5') {
            let code = String::from_utf8_lossy(&line[..3]).into_owned();
            metrics::counter!("facteur_smtp_refusals_total", "code" => code).increment(1);
        }
        tracing::debug!(reply = %line.trim_ascii_end().escape_ascii(), "replied");
    }
}
